import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  compressedFlag,
  envelopeHeaderBytes,
  grpcWebTrailerFlag,
  promisedBytes,
  readEnvelope,
} from "../../protocol/envelope.ts";
import { checkEnvelopeFlags } from "../../protocol/envelope-reader.ts";
import { parseGrpcTimeoutMs } from "../../protocol/timeouts.ts";
import { requestTooLarge } from "../pipeline/limit-errors.ts";
import type { Compression } from "./compression.ts";
import type { DialectCall } from "./dialect.ts";
import type { Exchange } from "./exchange/exchange.ts";

/** Reads the message of a unary gRPC or gRPC-Web request from its length-prefixed body. */
export function readSingle(
  call: DialectCall,
  body: Buffer,
  compression: Compression | undefined,
): Message | Promise<Message> {
  const bytes = promisedBytes(body, 0);
  // The common case: one message, not compressed, and nothing after it.
  if (body[0] === 0 && bytes === body.length - envelopeHeaderBytes && bytes <= call.settings.requestBytesMax) {
    return call.codec.decode(body.subarray(envelopeHeaderBytes));
  }
  return readAny(call, body, compression);
}

/** Reads any body. Checks the envelopes in order, so that the first error is reported. */
async function readAny(call: DialectCall, body: Buffer, compression: Compression | undefined): Promise<Message> {
  const { requestBytesMax } = call.settings;
  const protocol = call.type.protocol;
  let found: Message | undefined;
  for (let offset = 0; offset < body.length; ) {
    const bytes = promisedBytes(body, offset);
    if (bytes !== undefined) {
      checkEnvelopeFlags(body[offset] ?? 0, { protocol, malformedCode: Code.InvalidArgument });
    }
    if (bytes !== undefined && bytes > requestBytesMax) {
      throw requestTooLarge(requestBytesMax, bytes);
    }
    const envelope = readEnvelope(body, offset);
    if (envelope === undefined) {
      throw new ConnectError("The request ends in the middle of a message.", Code.InvalidArgument);
    }
    offset = envelope.end;
    if ((envelope.flags & grpcWebTrailerFlag) !== 0) {
      continue;
    }
    const payload = await unpacked(envelope, { compression, requestBytesMax });
    const message = call.codec.decode(payload);
    if (found !== undefined) {
      throw extraMessage();
    }
    found = message;
  }
  if (found === undefined) {
    throw new ConnectError("The request has no message; this method takes exactly one.", Code.Unimplemented);
  }
  return found;
}

/** The error for a body that is longer than one message may be: the message is too large, or there is more than one. */
export function readTooLong({ settings, type }: DialectCall, beginning: Buffer): ConnectError {
  checkEnvelopeFlags(beginning[0] ?? 0, { protocol: type.protocol, malformedCode: Code.InvalidArgument });
  const bytes = promisedBytes(beginning, 0) ?? 0;
  return bytes > settings.requestBytesMax ? requestTooLarge(settings.requestBytesMax, bytes) : extraMessage();
}

function extraMessage(): ConnectError {
  return new ConnectError("The request has more than one message; this method takes exactly one.", Code.Unimplemented);
}

interface Unpacking {
  readonly compression: Compression | undefined;
  readonly requestBytesMax: number;
}

async function unpacked(
  { flags, payload }: { readonly flags: number; readonly payload: Buffer },
  { compression, requestBytesMax }: Unpacking,
): Promise<Buffer> {
  if ((flags & compressedFlag) === 0) {
    return payload;
  }
  if (compression === undefined) {
    throw new ConnectError("The message is compressed, but the request names no encoding.", Code.Internal);
  }
  return compression.decompress(payload, requestBytesMax);
}

/** The `grpc-timeout` of a request, in milliseconds. Undefined if there is none. Throws INVALID_ARGUMENT if it is malformed. */
export function grpcTimeoutMs({ headers }: Exchange): number | undefined {
  const value = headers["grpc-timeout"];
  if (value === undefined) {
    return undefined;
  }
  const timeoutMs = typeof value === "string" ? parseGrpcTimeoutMs(value) : undefined;
  if (timeoutMs === undefined) {
    throw new ConnectError(
      `The header grpc-timeout must be 1 to 8 digits and a unit (H, M, S, m, u or n), such as 5S; it is ${JSON.stringify(String(value).slice(0, 50))}.`,
      Code.InvalidArgument,
    );
  }
  return timeoutMs;
}

/** The `grpc-encoding` of a request. */
export function grpcEncoding({ headers }: Exchange): string | undefined {
  const value = headers["grpc-encoding"];
  return value === undefined ? undefined : String(value);
}
