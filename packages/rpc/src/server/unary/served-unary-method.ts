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
import { holdsEnum } from "@parley/contract";
import { messageFromJson, messageToJson } from "../../protocol/json-message.ts";
import type { MethodRuntime } from "../pipeline/method-runtime.ts";
import { refuseUnknownWords } from "../pipeline/validation.ts";

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

/** Prepares a unary method. Undefined for methods that stream. */
export function unaryMethod(
  runtime: MethodRuntime,
  { implementation, json }: { readonly implementation: UnaryImplementation; readonly json: JsonOptions },
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
    proto: protoCodec(desc),
    json: jsonCodec(desc, json),
  };
}

/** What an implementation answered, as the message that it stands for. */
export function responseMessage({ desc }: UnaryMethod, answer: unknown): Message {
  const message = answer as Message | undefined;
  return message?.$typeName === desc.output.typeName ? message : create(desc.output, message);
}

function protoCodec({ input, output }: DescMethodUnary): MessageCodec {
  return {
    decode(bytes) {
      try {
        return fromBinary(input, bytes);
      } catch (error) {
        throw new ConnectError(`parse binary: ${words(error)}`, Code.Internal);
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

function jsonCodec({ input, output }: DescMethodUnary, options: JsonOptions): MessageCodec {
  // Unknown fields are ignored, as everywhere in Connect, so that a newer client can talk to an older server. Unknown words of
  // enums are not: a misspelt filter would list everything.
  const lenient = { ignoreUnknownFields: true, ...options };
  return {
    decode(bytes) {
      try {
        const text = utf8(bytes);
        const message = messageFromJson(input, text, lenient);
        if (holdsEnum(input)) {
          refuseUnknownWords(input, JSON.parse(text) as JsonValue);
        }
        return message;
      } catch (error) {
        throw ConnectError.from(error, Code.InvalidArgument);
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

/** Text without the byte order mark that some clients put before it. */
function utf8(bytes: Buffer): string {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
    ? bytes.toString("utf8", 3)
    : bytes.toString("utf8");
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
