import {
  create,
  type DescMethod,
  fromBinary,
  type JsonReadOptions,
  type JsonValue,
  type JsonWriteOptions,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type DecodeBudget, defaultDecodeBudget, holdsEnum, scanBinary, unknownFields } from "@parley/contract";
import type { Logger } from "pino";
import { messageFromJsonBytes, messageToJson } from "../../protocol/json-message.ts";
import { binaryRequestError, jsonRequestError } from "../pipeline/validation/decode-errors.ts";
import { refuseUnknownWords } from "../pipeline/validation/validation.ts";

/** Settings of the JSON codec. A registry is needed only for `google.protobuf.Any`. */
export type JsonOptions = Partial<JsonReadOptions & JsonWriteOptions>;

/** Decodes requests and encodes responses of one method, in one format. */
export interface MessageCodec {
  /** Throws a ConnectError that describes the error in the bytes. */
  decode(bytes: Buffer): Message;
  encode(message: Message): Uint8Array;
}

/** Settings of a method's codecs. */
export interface CodecOptions {
  readonly json: JsonOptions;
  /** The limits on decoding one request. */
  readonly budget?: DecodeBudget | undefined;
  /** Logs unknown fields of JSON requests, at the level debug. Default: no log. */
  readonly log?: Pick<Logger, "debug" | "isLevelEnabled"> | undefined;
}

/** An implementation's result as a message: converts an init object. */
export function responseMessage({ output }: DescMethod, answer: unknown): Message {
  const message = answer as Message | undefined;
  return message?.$typeName === output.typeName ? message : create(output, message);
}

/** The codecs of a method. */
export function methodCodecs(
  desc: DescMethod,
  { json, budget = defaultDecodeBudget, log }: CodecOptions,
): { readonly proto: MessageCodec; readonly json: MessageCodec } {
  return { proto: protoCodec(desc, budget), json: jsonCodec(desc, { json, budget, log }) };
}

function protoCodec({ input, output }: DescMethod, budget: DecodeBudget): MessageCodec {
  return {
    decode(bytes) {
      try {
        scanBinary(input, bytes, budget);
        return fromBinary(input, bytes);
      } catch (error) {
        throw binaryRequestError(error, input);
      }
    },
    encode(message) {
      try {
        return toBinary(output, message);
      } catch (error) {
        throw new ConnectError(`serialize binary: ${words(error)}`, Code.Internal);
      }
    },
  };
}

function jsonCodec({ input, output }: DescMethod, { json, budget, log }: CodecOptions): MessageCodec {
  // Unknown fields are ignored, as in all Connect servers, so that newer clients work with older servers. Unknown enum values are
  // rejected: a misspelt filter would list everything.
  const lenient = { ignoreUnknownFields: true, ...json };
  const mentions = log?.isLevelEnabled("debug") === true;
  const check =
    holdsEnum(input) || mentions
      ? (value: JsonValue) => {
          refuseUnknownWords(input, value);
          const unknown = mentions ? unknownFields(input, value) : [];
          if (unknown.length > 0) {
            log?.debug({ fields: unknown }, "A request has fields that its contract does not have. They are ignored.");
          }
        }
      : undefined;
  const decoding = { reading: lenient, budget: budget ?? defaultDecodeBudget, check };
  return {
    decode(bytes) {
      try {
        return messageFromJsonBytes(input, bytes, decoding);
      } catch (error) {
        throw jsonRequestError(error, input, bytes);
      }
    },
    encode(message) {
      try {
        return Buffer.from(messageToJson(output, message, lenient));
      } catch (error) {
        throw ConnectError.from(error, Code.Internal);
      }
    },
  };
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
