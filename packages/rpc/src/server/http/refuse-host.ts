import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { type AnyHttp2Stream, encodeFields } from "@parley/http2";

const hint = "is not a name of this server. Where AUTH=off, only localhost and the names in ALLOWED_HOSTS are.";

/** Returns a request for a host that is not allowed, see `createHostCheck`: 421 Misdirected Request (RFC 9110, section 15.5.20). */
export function refuseHost1(request: IncomingMessage, response: ServerResponse): void {
  const body = JSON.stringify({ code: "permission_denied", message: message(request.headers.host) });
  response.writeHead(421, { "content-type": "application/json", connection: "close" }).end(body);
}

/** How many `Host` headers a request has. Node keeps the first one, and another reader of the same bytes may keep the last. */
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

/** Returns a request with several `Host` headers: 400 (RFC 9112, section 3.2). */
export function refuseHosts1(response: ServerResponse): void {
  const body = JSON.stringify({ code: "invalid_argument", message: "The request has more than one Host header." });
  response.writeHead(400, { "content-type": "application/json", connection: "close" }).end(body);
}

/** What {@link refuseHost1} does, over HTTP/2; PERMISSION_DENIED for gRPC. */
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
