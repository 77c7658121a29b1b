import {
  create,
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
  type JsonReadOptions,
  type JsonValue,
  type JsonWriteOptions,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { type DecodeBudget, defaultDecodeBudget, holdsEnum, scanBinary } from "@parley/contract";
import { messageFromJsonBytes, messageToJson } from "../../protocol/json-message.ts";
import type { MethodRuntime } from "../pipeline/method-runtime.ts";
import { requestDecodeError } from "../pipeline/validation/decode-errors.ts";
import { refuseUnknownWords } from "../pipeline/validation/validation.ts";

/** An implementation of a unary method. */
export type UnaryImplementation = (request: Message, context: HandlerContext) => unknown;

/** Settings of the JSON codec; a registry is needed for `google.protobuf.Any` alone. */
export type JsonOptions = Partial<JsonReadOptions & JsonWriteOptions>;

/** All that a unary method needs at hand when a call of it comes in. */
export interface UnaryMethod {
  readonly desc: DescMethodUnary;
  readonly runtime: MethodRuntime;
  readonly implementation: UnaryImplementation;
  /** Whether it may be called with GET: its contract says NO_SIDE_EFFECTS. */
  readonly sideEffectFree: boolean;
  readonly proto: MessageCodec;
  readonly json: MessageCodec;
}

/** Reads requests and writes responses of one method, in one format. */
export interface MessageCodec {
  /** Throws a ConnectError that says what is wrong with the bytes. */
  decode(bytes: Buffer): Message;
  encode(message: Message): Uint8Array;
}

/** Settings of a method's codecs. */
export interface CodecOptions {
  readonly json: JsonOptions;
  /** What a request may cost to decode. */
  readonly budget?: DecodeBudget | undefined;
}

/** Prepares a unary method. Undefined for methods that stream. */
export function unaryMethod(
  runtime: MethodRuntime,
  { implementation, ...options }: { readonly implementation: UnaryImplementation } & CodecOptions,
): UnaryMethod | undefined {
  const desc = runtime.method;
  if (!isUnary(desc)) {
    return undefined;
  }
  return {
    desc,
    runtime,
    implementation,
    sideEffectFree: desc.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
    ...methodCodecs(desc, options),
  };
}

/** What an implementation answered, as the message that it stands for. */
export function responseMessage({ desc }: UnaryMethod, answer: unknown): Message {
  const message = answer as Message | undefined;
  return message?.$typeName === desc.output.typeName ? message : create(desc.output, message);
}

/** The codecs of a method of any kind. */
export function methodCodecs(
  desc: DescMethod,
  { json, budget = defaultDecodeBudget }: CodecOptions,
): { readonly proto: MessageCodec; readonly json: MessageCodec } {
  return { proto: protoCodec(desc, budget), json: jsonCodec(desc, { json, budget }) };
}

function protoCodec({ input, output }: DescMethod, budget: DecodeBudget): MessageCodec {
  return {
    decode(bytes) {
      try {
        scanBinary(input, bytes, budget);
        return fromBinary(input, bytes);
      } catch (error) {
        throw requestDecodeError(error, "binary");
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

function jsonCodec({ input, output }: DescMethod, { json, budget }: Required<CodecOptions>): MessageCodec {
  // Unknown fields are ignored, as everywhere in Connect, so that a newer client can talk to an older server. Unknown words of
  // enums are not: a misspelt filter would list everything.
  const lenient = { ignoreUnknownFields: true, ...json };
  const reading = { ...lenient, budget: budget ?? defaultDecodeBudget };
  return {
    decode(bytes) {
      try {
        const message = messageFromJsonBytes(input, bytes, reading);
        if (holdsEnum(input)) {
          refuseUnknownWords(input, JSON.parse(bytes.toString("utf8").replace(/^\uFEFF/, "")) as JsonValue);
        }
        return message;
      } catch (error) {
        throw requestDecodeError(error, "JSON");
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

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
