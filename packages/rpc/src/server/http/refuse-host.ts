import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { type AnyHttp2Stream, encodeFields } from "@parley/http2";

const hint = "is not a name of this server. Where AUTH=off, only localhost and the names in ALLOWED_HOSTS are.";

/** Responds to a host that `createHostCheck` does not allow: 421 Misdirected Request (RFC 9110, section 15.5.20). */
export function refuseHost1(request: IncomingMessage, response: ServerResponse): void {
  refuse1(response, 421, { code: "permission_denied", message: message(request.headers.host) });
}

/** The number of `Host` headers of a request. Node uses the first one; a proxy may use the last. */
export function hostCount(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length === 4 && name.toLowerCase() === "host") {
      count++;
    }
  }
  return count;
}

/** Responds to a request with several `Host` headers or an invalid one: 400 Bad Request (RFC 9112, section 3.2). */
export function refuseRequest1(response: ServerResponse, message: string): void {
  refuse1(response, 400, { code: "invalid_argument", message });
}

/** Closes the connection. With the content's length, Node sends the head and the content in one write. */
function refuse1(
  response: ServerResponse,
  status: number,
  error: { readonly code: string; readonly message: string },
): void {
  const body = Buffer.from(JSON.stringify(error));
  response
    .writeHead(status, { "content-type": "application/json", "content-length": body.length, connection: "close" })
    .end(body);
}

/** The same as {@link refuseHost1} over HTTP/2. gRPC calls get PERMISSION_DENIED. */
export function refuseHost2(stream: AnyHttp2Stream, headers: IncomingHttpHeaders): void {
  const text = message((headers[":authority"] as string | undefined) ?? headers.host);
  if (headers["content-type"]?.startsWith("application/grpc") === true) {
    const status = ["grpc-status", "7", "grpc-message", encodeURI(text)];
    stream.sendHeaders(encodeFields([":status", "200", "content-type", "application/grpc", ...status]), true);
  } else {
    stream.sendHeaders(encodeFields([":status", "421", "content-type", "application/json"]));
    stream.end(Buffer.from(JSON.stringify({ code: "permission_denied", message: text })));
  }
}

function message(host: string | undefined): string {
  return `${JSON.stringify(host?.slice(0, hostCharsMax) ?? "")} ${hint}`;
}

/** The longest DNS name. */
const hostCharsMax = 253;
