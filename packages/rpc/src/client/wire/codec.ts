import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  type Registry,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type DecodeBudget, DecodeLimitError, decodeBudget, scanBinary } from "@parley/contract";
import { messageFromJsonBytes, messageToJson } from "../../protocol/json-message.ts";

/** The codecs of messages. */
export type CodecName = "proto" | "json";

/** A codec and its options. */
export interface MessageFormat {
  readonly codec: CodecName;
  /** The types that `google.protobuf.Any` may contain in JSON. */
  readonly registry?: Registry | undefined;
}

/** Encodes a request message. Errors are INTERNAL: the caller's own message is invalid. */
export function encodeMessage<I extends DescMessage>(
  schema: I,
  init: MessageInitShape<I>,
  { codec, registry }: MessageFormat,
): Uint8Array {
  try {
    const message = create(schema, init);
    return codec === "proto"
      ? toBinary(schema, message)
      : Buffer.from(messageToJson(schema, message, { registry }), "utf8");
  } catch (error) {
    throw new ConnectError(
      `cannot encode the request: ${messageOf(error)}`,
      Code.Internal,
      undefined,
      undefined,
      error,
    );
  }
}

/**
 * Decodes a response message. Unknown fields are ignored, as everywhere in Connect. Errors are INTERNAL for binary, INVALID_ARGUMENT for JSON,
 * and RESOURCE_EXHAUSTED for a message that would take far more time and memory than its size.
 */
export function decodeMessage<O extends DescMessage>(
  schema: O,
  bytes: Buffer,
  { codec, registry }: MessageFormat,
): MessageShape<O> {
  try {
    if (codec === "proto") {
      if (bytes.length >= scannedBytesMin) {
        scanBinary(schema, bytes, responseBudget);
      }
      return fromBinary(schema, bytes);
    }
    return messageFromJsonBytes(schema, bytes, {
      reading: { ignoreUnknownFields: true, registry },
      budget: responseBudget,
    });
  } catch (error) {
    if (error instanceof DecodeLimitError) {
      const message = `the response has too many ${error.limit} for its size: the limit is ${error.limitValue}`;
      throw new ConnectError(message, Code.ResourceExhausted, undefined, undefined, error);
    }
    const code = codec === "proto" ? Code.Internal : Code.InvalidArgument;
    throw new ConnectError(`cannot decode the response: ${messageOf(error)}`, code, undefined, undefined, error);
  }
}

/** The decode budget of a response: about 50 ms, so that no server can block its caller's process for longer with one message. */
const responseBudget: DecodeBudget = { ...decodeBudget(50_000), contractLimits: false };
/** Smaller messages are not scanned: whatever they contain, they are decoded in about 15 ms. */
const scannedBytesMin = 64 << 10;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
