import { fromBinary } from "@bufbuild/protobuf";
import { EchoResponseSchema } from "@parley/gen/echo/v1/echo_service_pb.js";
import { StatusSchema } from "@parley/gen/google/rpc/status_pb.js";
import { streamService, type WireRequest } from "./mutated-request.ts";
import type { WireAnswer } from "./send.ts";

/** The comparable result of a request. */
export interface Outcome {
  readonly status?: number;
  readonly failure?: string;
  readonly grpcStatus?: string | undefined;
  readonly [part: string]: unknown;
}

/** What an answer means, without the differences between two right answers: order and place of metadata, framing, request and trace ids. */
export function outcomeOf(request: WireRequest, answer: WireAnswer): Outcome {
  return withoutIds(meaningOf(request, answer)) as Outcome;
}

function meaningOf(request: WireRequest, answer: WireAnswer): Outcome {
  const contentType = answer.headers["content-type"] ?? "";
  const metadata = Object.fromEntries(
    Object.entries({ ...answer.headers, ...answer.trailers })
      .map(([name, value]) => [name.replace(/^trailer-/, ""), value] as const)
      // Errors carry an id that the request did not send; Connect's own handlers leave no way to do so.
      .filter(([name]) => name.startsWith("x-") && (name !== "x-request-id" || "x-request-id" in request.headers))
      .sort(),
  );
  if (answer.failure !== undefined) {
    return { failure: answer.failure };
  }
  const { status } = answer;
  if (status !== 200 || contentType.startsWith("application/json") || contentType.startsWith("application/proto")) {
    return { status, contentType, metadata, allow: answer.headers.allow, ...connectBody(contentType, answer.body) };
  }
  if (contentType.startsWith("application/connect+")) {
    return { status, contentType, metadata, ...connectStream(answer.body) };
  }
  if (contentType.startsWith("application/grpc") && request.path.startsWith(streamService)) {
    const { messages, trailers } = envelopes(answer.body);
    const fields = { ...answer.headers, ...answer.trailers, ...trailers };
    return { status, contentType, ...grpcStatus(fields), metadata: { ...metadata, ...ownNames(trailers) }, messages };
  }
  if (contentType.startsWith("application/grpc-web")) {
    const { message, trailers } = webBody(answer.body);
    return { status, contentType, ...grpcStatus(trailers), metadata: { ...metadata, ...ownNames(trailers) }, message };
  }
  const message = answer.body.length === 0 ? undefined : decode(contentType, answer.body.subarray(5));
  const fields = { ...answer.headers, ...answer.trailers };
  return { status, contentType, ...grpcStatus(fields), metadata, message, path: request.path };
}

function connectBody(contentType: string, body: Buffer): object {
  if (contentType.startsWith("application/proto")) {
    return { message: decode(contentType, body) };
  }
  try {
    const parsed = JSON.parse(body.toString()) as { details?: { type: string; debug?: unknown }[] };
    return { body: { ...parsed, details: parsed.details?.map(({ type, debug }) => [type, debug]) } };
  } catch {
    return { body: body.toString() };
  }
}

function grpcStatus(fields: Readonly<Record<string, string>>): object {
  const details = fields["grpc-status-details-bin"];
  return {
    grpcStatus: fields["grpc-status"],
    grpcMessage: decodeURIComponent(fields["grpc-message"] ?? "") === "" ? "" : "a text",
    details:
      details === undefined
        ? []
        : fromBinary(StatusSchema, Buffer.from(details, "base64")).details.map(({ typeUrl }) => typeUrl),
  };
}

function ownNames(fields: Readonly<Record<string, string>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => name.startsWith("x-")));
}

function webBody(body: Buffer): { readonly message: unknown; readonly trailers: Record<string, string> } {
  let message: unknown;
  for (let offset = 0; offset + 5 <= body.length; ) {
    const end = offset + 5 + body.readUInt32BE(offset + 1);
    const payload = body.subarray(offset + 5, end);
    if (body[offset] === 0x80) {
      const lines = payload.toString("latin1").split("\r\n").filter(Boolean);
      return { message, trailers: Object.fromEntries(lines.map((line) => splitOnce(line))) };
    }
    message = payload.toString("hex");
    offset = end;
  }
  return { message, trailers: {} };
}

interface Enveloped {
  readonly messages: readonly string[];
  /** gRPC-Web's trailers, or Connect's end-of-stream message. */
  readonly trailers: Record<string, string>;
  readonly end: string;
}

function envelopes(body: Buffer): Enveloped {
  const messages: string[] = [];
  let trailers = {};
  let end = "";
  for (let offset = 0; offset + 5 <= body.length; ) {
    const next = offset + 5 + body.readUInt32BE(offset + 1);
    const payload = body.subarray(offset + 5, next);
    if (body[offset] === 0x80) {
      trailers = Object.fromEntries(payload.toString("latin1").split("\r\n").filter(Boolean).map(splitOnce));
    } else if (body[offset] === 2) {
      end = payload.toString();
    } else {
      messages.push(payload.toString("hex"));
    }
    offset = next;
  }
  return { messages, trailers, end };
}

function connectStream(body: Buffer): object {
  const { messages, end } = envelopes(body);
  const { error, metadata } = JSON.parse(end) as {
    readonly error?: { readonly details?: readonly { readonly type: string; readonly debug?: unknown }[] };
    readonly metadata?: unknown;
  };
  const details = error?.details?.map(({ type, debug }) => [type, debug]);
  return { messages, end: { error: error && { ...error, details }, metadata } };
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf(":");
  return [line.slice(0, at), line.slice(at + 1).trim()];
}

function decode(contentType: string, bytes: Buffer): unknown {
  return contentType.endsWith("json") ? bytes.toString() : fromBinary(EchoResponseSchema, bytes).message;
}

/** Errors carry the ids of their request and trace, and the server's address, which differ between the paths. */
function withoutIds(meaning: unknown): unknown {
  const text = JSON.stringify(meaning ?? null)
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "an id")
    .replaceAll(/127\.0\.0\.1:\d+/g, "the server")
    .replaceAll(/("x-trace-id":")[0-9a-f]{32}/g, "$1an id");
  return JSON.parse(text, (_key, value) => (isError(value) ? { ...value, message: "a text" } : value));
}

/** For protocol violations Connect's handlers have other messages, so only code and details are compared. */
function isError(value: unknown): value is { readonly code: string } {
  return typeof value === "object" && value !== null && "code" in value && "message" in value;
}
