import { gzipSync } from "node:zlib";
import type { Field } from "./http2-frames.ts";
import { dataFrames, headers } from "./http2-frames.ts";
import { envelope } from "./protobuf.ts";
import { RawHttp1 } from "./raw-http1.ts";
import { RawHttp2 } from "./raw-http2.ts";

/** The protocol and encoding of a request. */
export interface Dialect {
  readonly name: string;
  readonly contentType: string;
  readonly codec: "proto" | "json";
  readonly http: 1 | 2;
  /** Whether the message has a gRPC or Connect envelope. */
  readonly enveloped: boolean;
  /** The header with the compression's name. */
  readonly encodingHeader: string;
  /** Whether the body is base64 (gRPC-Web text). */
  readonly base64?: boolean;
}

const grpc = { enveloped: true, encodingHeader: "grpc-encoding" } as const;
const unary = { enveloped: false, encodingHeader: "content-encoding" } as const;
const stream = { enveloped: true, encodingHeader: "connect-content-encoding" } as const;

/** Every protocol and encoding of a unary call. */
export const unaryDialects: readonly Dialect[] = [
  { name: "gRPC", contentType: "application/grpc", codec: "proto", http: 2, ...grpc },
  { name: "gRPC+json", contentType: "application/grpc+json", codec: "json", http: 2, ...grpc },
  { name: "gRPC-Web/1", contentType: "application/grpc-web+proto", codec: "proto", http: 1, ...grpc },
  { name: "gRPC-Web/2 json", contentType: "application/grpc-web+json", codec: "json", http: 2, ...grpc },
  {
    name: "gRPC-Web-text/1",
    contentType: "application/grpc-web-text+proto",
    codec: "proto",
    http: 1,
    base64: true,
    ...grpc,
  },
  { name: "Connect/1", contentType: "application/proto", codec: "proto", http: 1, ...unary },
  { name: "Connect/2", contentType: "application/proto", codec: "proto", http: 2, ...unary },
  { name: "Connect/1 json", contentType: "application/json", codec: "json", http: 1, ...unary },
  { name: "Connect/2 json", contentType: "application/json", codec: "json", http: 2, ...unary },
];

/** Every protocol and encoding of a stream. */
export const streamDialects: readonly Dialect[] = [
  { name: "gRPC stream", contentType: "application/grpc", codec: "proto", http: 2, ...grpc },
  { name: "gRPC+json stream", contentType: "application/grpc+json", codec: "json", http: 2, ...grpc },
  { name: "gRPC-Web stream/1", contentType: "application/grpc-web+proto", codec: "proto", http: 1, ...grpc },
  { name: "Connect stream/1", contentType: "application/connect+proto", codec: "proto", http: 1, ...stream },
  { name: "Connect stream/2", contentType: "application/connect+proto", codec: "proto", http: 2, ...stream },
  { name: "Connect stream/1 json", contentType: "application/connect+json", codec: "json", http: 1, ...stream },
  { name: "Connect stream/2 json", contentType: "application/connect+json", codec: "json", http: 2, ...stream },
];

export interface CallOptions {
  readonly path: string;
  readonly token?: string | undefined;
  readonly more?: readonly Field[];
}

/** The header fields of an HTTP/2 request. */
export function requestFields(dialect: Dialect, { path, token, more = [] }: CallOptions): readonly Field[] {
  return [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "localhost"],
    ["content-type", dialect.contentType],
    ...(dialect.contentType.startsWith("application/grpc") ? [["te", "trailers"] as const] : []),
    ...(token === undefined ? [] : [["authorization", `Bearer ${token}`] as const]),
    ...more,
  ];
}

/** The head of an HTTP/1.1 request, up to the empty line. */
export function requestHead(dialect: Dialect, { path, token, more = [] }: CallOptions): string {
  const fields = requestFields(dialect, { path, token, more }).filter(
    ([name]) => !name.startsWith(":") && name !== "te",
  );
  return `POST ${path} HTTP/1.1\r\nhost: localhost\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}`;
}

/** The body with a message, and the header fields that describe it. */
export function requestBody(
  dialect: Dialect,
  message: Buffer,
  gzip: boolean,
): { readonly body: Buffer; readonly more: readonly Field[] } {
  const packed = gzip ? gzipSync(message, { level: 6 }) : message;
  const framed = dialect.enveloped ? envelope(packed, { flags: gzip ? 1 : 0 }) : packed;
  const body = dialect.base64 === true ? Buffer.from(framed.toString("base64")) : framed;
  return { body, more: gzip ? [[dialect.encodingHeader, "gzip"]] : [] };
}

/** The outcome of a call. */
export interface Answer {
  /** `200`, `grpc-status 3`, `connection closed`, `no answer`. */
  readonly outcome: string;
  readonly bytes: number;
  readonly text: string;
}

/** Sends one complete request on a new connection, and waits for the end of the response. */
export async function sendCall(
  url: string,
  dialect: Dialect,
  { body, maxMs = 15_000, ...call }: CallOptions & { readonly body: Buffer; readonly maxMs?: number },
): Promise<Answer> {
  return dialect.http === 1
    ? overHttp1(url, dialect, { body, maxMs, ...call })
    : overHttp2(url, dialect, { body, maxMs, ...call });
}

type Sending = CallOptions & { readonly body: Buffer; readonly maxMs: number };

async function overHttp1(url: string, dialect: Dialect, { body, maxMs, ...call }: Sending): Promise<Answer> {
  const connection = new RawHttp1(url);
  try {
    await connection.send(`${requestHead(dialect, call)}content-length: ${body.length}\r\nconnection: close\r\n\r\n`);
    await connection.send(body, maxMs);
    await connection.while(() => true, maxMs);
    const status = /^HTTP\/1\.1 (\d+)/.exec(connection.text)?.[1];
    const grpcStatus = /grpc-status: ?(\d+)/.exec(connection.text)?.[1];
    const outcome = grpcStatus === undefined ? status : `grpc-status ${grpcStatus}`;
    return {
      outcome: outcome ?? (connection.closed ? "connection closed" : "no answer"),
      bytes: connection.bytesRead,
      text: connection.text,
    };
  } finally {
    connection.close();
  }
}

async function overHttp2(url: string, dialect: Dialect, { body, maxMs, ...call }: Sending): Promise<Answer> {
  const connection = new RawHttp2(url);
  try {
    await connection.send(headers(1, requestFields(dialect, call), body.length === 0));
    if (body.length > 0) await uploadBody(connection, body, { stream: 1, maxMs });
    await connection.while(() => connection.ended === 0, maxMs);
    const text = connection.frames
      .filter(({ stream }) => stream === 1)
      .map(({ payload }) => payload.toString("latin1"))
      .join("");
    const reset = connection.frames.find(({ type }) => type === 3)?.payload.readUInt32BE(0);
    const ended = reset === undefined ? "answered" : `reset ${reset}`;
    return {
      outcome: connection.ended > 0 ? ended : connection.closed ? "connection closed" : "no answer",
      bytes: connection.dataBytes,
      text,
    };
  } finally {
    connection.close();
  }
}

export interface UploadOptions {
  readonly stream: number;
  readonly maxMs: number;
  /** Whether the last frame has END_STREAM. Default: yes. */
  readonly end?: boolean;
  /** The size of the frames. Default: 16 KiB. */
  readonly pieceBytes?: number;
  /** Ends the upload early. Default: once the peer has ended a stream. */
  readonly isOver?: () => boolean;
}

/** The initial windows of a stream and a connection (RFC 9113, section 6.9.2). */
const windowDefault = 65_535;

/** Sends a body as fast as flow control allows. Returns early if the stream or the connection ends. */
export async function uploadBody(connection: RawHttp2, body: Buffer, options: UploadOptions): Promise<void> {
  const { stream, maxMs, end = true, pieceBytes = 16_384, isOver = () => connection.ended > 0 } = options;
  const { granted } = connection;
  const endMs = performance.now() + maxMs;
  // The peer's SETTINGS arrive first and contain the window size.
  const settingsFrame = await connection.until(({ type, flags }) => type === 4 && flags === 0, maxMs);
  const settings = settingsFrame?.payload ?? Buffer.alloc(0);
  let initial = windowDefault;
  for (let at = 0; at + 6 <= settings.length; at += 6) {
    if (settings.readUInt16BE(at) === 4) initial = settings.readUInt32BE(at + 2);
  }
  let sent = 0;
  while (sent < body.length && !connection.closed && !isOver() && performance.now() < endMs) {
    const window = Math.min(initial + (granted.get(stream) ?? 0), windowDefault + (granted.get(0) ?? 0)) - sent;
    if (window <= 0) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      continue;
    }
    const piece = body.subarray(sent, sent + Math.min(window, pieceBytes * 16, 262_144));
    sent += piece.length;
    await connection.send(
      dataFrames(stream, piece, { end: end && sent === body.length, pieceBytes }),
      endMs - performance.now(),
    );
  }
}
