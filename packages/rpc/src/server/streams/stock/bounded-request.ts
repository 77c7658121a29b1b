import { setImmediate as nextTurn } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { turnIsOver } from "../../../environment/event-loop-turn.ts";
import { decodeBinaryValue } from "../../../protocol/binary-metadata.ts";
import { BodyCollector } from "../../../protocol/body-collector.ts";
import { type ContentType, formatContentType, parseContentType } from "../../../protocol/content-types.ts";
import {
  compressedFlag,
  connectEndStreamFlag,
  encodeEnvelope,
  grpcWebTrailerFlag,
} from "../../../protocol/envelope.ts";
import { EnvelopeReader, type ReadEnvelope } from "../../../protocol/envelope-reader.ts";
import { messageTooLarge } from "../../../protocol/message-size.ts";
import { gzip } from "../../wire/compression.ts";
import type { MessageCodec } from "../../wire/message-codec.ts";
import { endOfStreamInRequest } from "../incoming-messages.ts";

/** The limits of a method's requests, for both formats. */
export interface RequestBounds {
  readonly requestBytesMax: number;
  readonly proto: MessageCodec;
  readonly json: MessageCodec;
}

type Bytes = AsyncIterable<Uint8Array>;

/**
 * Prepares a request for stock Connect. Connect's decoder copies its whole buffer for each chunk, and has no decode budget. Here chunks are
 * assembled into whole messages, and each is decompressed and checked against the decode budget before Connect gets it.
 */
export function boundedRequest(
  request: UniversalServerRequest,
  body: Bytes,
  bounds: RequestBounds,
): UniversalServerRequest {
  const type = parseContentType(request.header.get("content-type") ?? "");
  if (type === undefined) {
    return { ...request, body };
  }
  const header = new Headers(request.header);
  // Connect does not accept all equivalent spellings.
  header.set("content-type", formatContentType(type));
  for (const name of encodingHeaders) {
    const value = header.get(name);
    if (value !== null) {
      // Connect compares content codings exactly.
      const coding = plainCoding(value);
      if (coding === "") {
        header.delete(name);
      } else {
        header.set(name, coding);
      }
    }
  }
  if (type.enveloped) {
    const encoding = header.get(type.protocol === "connect" ? "connect-content-encoding" : "grpc-encoding");
    return { ...request, header, body: wholeEnvelopes(body, { type, bounds, encoding }) };
  }
  const promised = header.get("content-length");
  const compressed = header.get("content-encoding") === gzip.name;
  if (compressed) {
    // Connect gets it decompressed. A caller that compresses also accepts compressed responses (Connect protocol, "Unary-Response").
    header.delete("content-encoding");
    header.delete("content-length");
    if (!header.has("accept-encoding")) {
      header.set("accept-encoding", gzip.name);
    }
  }
  return { ...request, header, body: wholeMessage(body, { type, bounds, compressed, promised }) };
}

/** A content coding in lower case, with its present name (RFC 9110, sections 8.4.1 and 8.4.1.3). */
function plainCoding(value: string): string {
  const coding = value.toLowerCase();
  return coding === "x-gzip" ? gzip.name : coding;
}

const encodingHeaders = ["content-encoding", "connect-content-encoding", "grpc-encoding"] as const;

interface Enveloped {
  readonly type: ContentType;
  readonly bounds: RequestBounds;
  readonly encoding: string | null;
}

async function* wholeEnvelopes(body: Bytes, { type, bounds, encoding }: Enveloped): AsyncGenerator<Uint8Array> {
  const { requestBytesMax } = bounds;
  const reader = new EnvelopeReader({
    protocol: type.protocol,
    messageBytesMax: requestBytesMax,
    malformedCode: Code.InvalidArgument,
  });
  for await (const piece of body) {
    reader.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    for (let next = reader.next(); next !== undefined; next = reader.next()) {
      if (type.protocol === "grpc-web" && (next.flags & grpcWebTrailerFlag) !== 0) {
        continue;
      }
      if (turnIsOver()) {
        await nextTurn();
      }
      yield await checkedEnvelope(next, { type, bounds, encoding });
    }
  }
  reader.end();
}

async function checkedEnvelope(
  { flags, payload }: ReadEnvelope,
  { type, bounds, encoding }: Enveloped,
): Promise<Buffer> {
  const compressed = (flags & compressedFlag) !== 0;
  if (type.protocol === "connect" && (flags & connectEndStreamFlag) !== 0) {
    throw endOfStreamInRequest();
  }
  if (compressed && encoding !== gzip.name) {
    return encodeEnvelope(flags, payload);
  }
  const plain = compressed ? await gzip.decompress(payload, bounds.requestBytesMax) : payload;
  // Decoded only as a check. Connect has no hook before its decoder, so it decodes again.
  bounds[type.codec].decode(plain);
  return encodeEnvelope(flags & ~compressedFlag, plain);
}

interface Whole {
  readonly type: ContentType;
  readonly bounds: RequestBounds;
  readonly compressed: boolean;
  /** The `content-length` header. */
  readonly promised: string | null;
}

async function* wholeMessage(body: Bytes, { type, bounds, compressed, promised }: Whole): AsyncGenerator<Uint8Array> {
  const collected = new BodyCollector();
  for await (const piece of body) {
    collected.add(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    if (collected.length > bounds.requestBytesMax) {
      throw messageTooLarge(bounds.requestBytesMax, promised === null ? undefined : Number(promised));
    }
  }
  const bytes = collected.takeBytes();
  const plain = compressed ? await gzip.decompress(bytes, bounds.requestBytesMax) : bytes;
  bounds[type.codec].decode(plain);
  yield plain;
}

/** Checks the message of a GET request, which Connect then decodes again. Rejects with a ConnectError. */
export async function checkQuery(url: string, { requestBytesMax, proto, json }: RequestBounds): Promise<void> {
  const parameters = new URL(url).searchParams;
  const message = parameters.get("message") ?? "";
  const bytes = parameters.get("base64") === "1" ? decodeBinaryValue(message) : Buffer.from(message);
  const compression = parameters.get("compression");
  if (bytes === undefined || (compression !== null && compression !== gzip.name)) {
    // Connect reports the error.
    return;
  }
  const plain = compression === null ? bytes : await gzip.decompress(bytes, requestBytesMax);
  const codec = parameters.get("encoding") === "proto" ? proto : json;
  codec.decode(plain);
}
