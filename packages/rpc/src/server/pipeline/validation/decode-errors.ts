import { Code, ConnectError } from "@connectrpc/connect";
import { type DecodeLimit, DecodeLimitError, JsonNumberError } from "@parley/contract";
import { reasonError } from "../../../call/reason-error.ts";
import { invalidRequestReason } from "./validation.ts";

/** The reason of errors about messages that would cost more to decode than the server's budget allows. */
export const tooComplexReason = "MESSAGE_TOO_COMPLEX";

/**
 * What the caller of a request that cannot be decoded gets: INVALID_ARGUMENT, naming the field and the limit where there are any. A broken rule of
 * the contract has the reason INVALID_REQUEST, as if the validator had found it; what exceeds the budget has MESSAGE_TOO_COMPLEX.
 */
export function requestDecodeError(error: unknown, format: "binary" | "JSON"): ConnectError {
  if (error instanceof ConnectError) {
    return error;
  }
  if (error instanceof DecodeLimitError) {
    return limitError(error);
  }
  if (error instanceof JsonNumberError) {
    return fieldError(error, { reason: invalidRequestReason, rule: invalidRequestReason, metadata: {} });
  }
  // The words are about the request's own bytes. The cause names the field, where the decoder knows it.
  const words = error instanceof Error ? error.message : String(error);
  const message = format === "binary" ? `parse binary: ${words}` : words;
  return new ConnectError(message, Code.InvalidArgument, undefined, undefined, error);
}

/** The limit that an error is about, for the metric. Undefined for errors about anything else. */
export function exceededLimit(error: ConnectError): string | undefined {
  if (error.code === Code.InvalidArgument) {
    return exceeded.get(error);
  }
  return error.code === Code.ResourceExhausted && error.rawMessage.includes("readMaxBytes") ? "bytes" : undefined;
}

const exceeded = new WeakMap<ConnectError, DecodeLimit>();

/** The rule ids of protovalidate, for the limits that come from the contract. */
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
    message: field === "" ? message : `${field}: ${message}`,
    metadata,
    ...(field === "" ? {} : { fields: [{ field, description: message, reason: rule }] }),
  });
}
