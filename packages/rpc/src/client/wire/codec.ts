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

/** How messages are written. */
export type CodecName = "proto" | "json";

/** How messages are written, and what is needed for it. */
export interface MessageFormat {
  readonly codec: CodecName;
  /** The types that `google.protobuf.Any` may hold in JSON. */
  readonly registry?: Registry | undefined;
}

/** Writes a request message. Errors are INTERNAL: the caller's own message cannot be written. */
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
    throw new ConnectError(`cannot write the request: ${messageOf(error)}`, Code.Internal, undefined, undefined, error);
  }
}

/**
 * Reads a response message. Unknown fields are passed over, as Connect does everywhere. Errors are INTERNAL for binary, INVALID_ARGUMENT for JSON,
 * and RESOURCE_EXHAUSTED for a message that would take far more time and memory than its bytes.
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
    return messageFromJsonBytes(schema, bytes, { ignoreUnknownFields: true, registry, budget: responseBudget });
  } catch (error) {
    if (error instanceof DecodeLimitError) {
      const message = `the response has too many ${error.limit} for its size: the limit is ${error.limitValue}`;
      throw new ConnectError(message, Code.ResourceExhausted, undefined, undefined, error);
    }
    const code = codec === "proto" ? Code.Internal : Code.InvalidArgument;
    throw new ConnectError(`cannot read the answer: ${messageOf(error)}`, code, undefined, undefined, error);
  }
}

/** What a response may cost to decode: about 50 ms, so that no server can hold its caller's process up for longer with one message. */
const responseBudget: DecodeBudget = { ...decodeBudget(50_000), contractLimits: false };
/** Smaller messages are decoded without a look: whatever is in them, they are decoded in about 15 ms. */
const scannedBytesMin = 64 << 10;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
