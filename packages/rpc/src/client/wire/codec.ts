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
import { messageFromJson, messageToJson } from "../../protocol/json-message.ts";

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

/** Reads an answer's message. Unknown fields are passed over, as Connect does everywhere. Errors are INTERNAL for binary, INVALID_ARGUMENT for JSON. */
export function decodeMessage<O extends DescMessage>(
  schema: O,
  bytes: Buffer,
  { codec, registry }: MessageFormat,
): MessageShape<O> {
  try {
    return codec === "proto"
      ? fromBinary(schema, bytes)
      : messageFromJson(schema, bytes.toString("utf8"), { ignoreUnknownFields: true, registry });
  } catch (error) {
    const code = codec === "proto" ? Code.Internal : Code.InvalidArgument;
    throw new ConnectError(`cannot read the answer: ${messageOf(error)}`, code, undefined, undefined, error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
