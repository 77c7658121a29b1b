import { isUtf8 } from "node:buffer";
import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { isFieldError } from "@bufbuild/protobuf/reflect";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type DecodeLimit,
  DecodeLimitError,
  fieldSentence,
  findJsonMistake,
  formOf,
  type JsonMistake,
  JsonNumberError,
  jsonSyntaxWords,
} from "@parley/contract";
import { reasonError } from "../../../call/reason-error.ts";
import { invalidRequestReason, mistakeError } from "./validation.ts";

/** The reason of errors about messages that exceed the server's decode budget. */
export const tooComplexReason = "MESSAGE_TOO_COMPLEX";

/**
 * The error for a request in protobuf that cannot be decoded: INVALID_ARGUMENT, with the field and the limit if they are known. The reason is
 * INVALID_REQUEST for a violated rule of the contract, as from the validator, and MESSAGE_TOO_COMPLEX if the decode budget is exceeded.
 */
export function binaryRequestError(error: unknown, request: DescMessage): ConnectError {
  return (
    limitOrConnectError(error) ??
    mistakeError(
      {
        path: "",
        description: `the request is not protobuf of the type ${request.typeName}: ${binaryWords(error)}`,
      },
      error,
    )
  );
}

/** Like {@link binaryRequestError}, for JSON. Names the first value that does not have its field's type, with a valid example. */
export function jsonRequestError(error: unknown, request: DescMessage, bytes: Buffer): ConnectError {
  // `findJsonMistake` describes a number in another notation better: with its field's range.
  const known = error instanceof JsonNumberError ? undefined : limitOrConnectError(error);
  if (known !== undefined) {
    return known;
  }
  if (!isUtf8(bytes)) {
    return mistakeError({ path: "", description: "the request is not JSON: it is not valid UTF-8" }, error);
  }
  const text = bytes.toString("utf8").replace(/^\uFEFF/, "");
  let json: JsonValue;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch (cause) {
    const why =
      text.trim() === ""
        ? "the request is empty; a request without fields is {}"
        : `the request is not JSON: ${jsonSyntaxWords(text, cause)}`;
    return mistakeError({ path: "", description: why }, error);
  }
  const mistake = findJsonMistake(request, json);
  return mistake === undefined
    ? (limitOrConnectError(error) ?? mistakeError(otherMistake(error, request), error))
    : mistakeError(mistake, error);
}

function limitOrConnectError(error: unknown): ConnectError | undefined {
  if (error instanceof ConnectError) {
    return error;
  }
  if (error instanceof DecodeLimitError) {
    return limitError(error);
  }
  return error instanceof JsonNumberError
    ? fieldError(error, { reason: invalidRequestReason, rule: invalidRequestReason, metadata: {} })
    : undefined;
}

/** Describes a decoder's error without looking at the request. The error may name the field. */
export function otherMistake(error: unknown, request: DescMessage): JsonMistake {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (isFieldError(cause)) {
      const field = cause.field();
      return field.kind === "field"
        ? { path: field.jsonName, description: formOf(field) }
        : {
            path: "",
            description: `set only one of ${field.fields.map(({ jsonName }) => `\`${jsonName}\``).join(", ")}`,
          };
    }
    const twice = /duplicate (?:object )?key "?([\w.]+)/.exec(cause.message)?.[1];
    if (twice !== undefined) {
      return { path: twice, description: "is given twice in one object" };
    }
  }
  return { path: "", description: `the request is JSON, but does not match the message ${request.typeName}` };
}

/** Rewords errors of protobuf-es, which are about the request's bytes and name no value. */
function binaryWords(error: unknown): string {
  const words = error instanceof Error ? error.message : "";
  if (/EOF|truncated|out of range|ends/i.test(words)) {
    return "it ends in the middle of a field";
  }
  return /utf-?8/i.test(words)
    ? "a string in it is not valid UTF-8"
    : "it contains an invalid field. Is it another message, or compressed?";
}

/** The exceeded limit of an error, as a label of the metric. Undefined for other errors. */
export function exceededLimit(error: ConnectError): string | undefined {
  if (error.code === Code.InvalidArgument) {
    return exceeded.get(error);
  }
  return error.code === Code.ResourceExhausted && error.rawMessage.includes("readMaxBytes") ? "bytes" : undefined;
}

const exceeded = new WeakMap<ConnectError, DecodeLimit>();

/** The rule ids of protovalidate for the limits of the contract. */
const ruleIds: Partial<Record<DecodeLimit, string>> = { list: "repeated.max_items", length: "string.max_len" };

function limitError(error: DecodeLimitError): ConnectError {
  const { limit, limitValue } = error;
  const rule = ruleIds[limit];
  const reason = rule === undefined ? tooComplexReason : invalidRequestReason;
  const metadata = rule === undefined ? { limit, [`${limit}Max`]: String(limitValue) } : {};
  const made = fieldError(error, { reason, rule: rule ?? reason, metadata });
  exceeded.set(made, limit);
  return made;
}

interface Blame {
  readonly reason: string;
  readonly rule: string;
  readonly metadata: Readonly<Record<string, string>>;
}

function fieldError(
  { field, message }: { readonly field: string; readonly message: string },
  { reason, rule, metadata }: Blame,
): ConnectError {
  return reasonError(Code.InvalidArgument, {
    reason,
    message: fieldSentence(field, message),
    metadata,
    ...(field === "" ? {} : { fields: [{ field, description: message, reason: rule }] }),
  });
}
