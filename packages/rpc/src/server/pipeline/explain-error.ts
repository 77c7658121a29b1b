import { Code, type ConnectError } from "@connectrpc/connect";
import { fieldSentence, spellForJson } from "@parley/contract";
import { BadRequestSchema, ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { completeReason, errorDetail, reasonOf } from "../../call/reason-error.ts";
import { deadlineExceeded, deadlineReason } from "./limit-errors.ts";
import type { ServerCall } from "./server-call.ts";
import { otherMistake } from "./validation/decode-errors.ts";
import { invalidRequestReason, isAsWritten } from "./validation/validation.ts";

/**
 * Completes an error before it is written: its reason and the field to blame where it has none (if it is to be explained), domain and link of its
 * reason, and the names of fields in the caller's spelling.
 */
export function completeError(error: ConnectError, call: ServerCall, explains: boolean): void {
  if (explains) {
    explainError(error, call);
  }
  completeReason(error, call.runtime.reasonSource);
  if (call.incoming.jsonNames === true && !isAsWritten(error)) {
    spellForJson(error, call.method);
  }
}

/**
 * Adds the reason, and the field if one is to blame, to an error that has none: those that Connect itself makes of a request that it cannot read, and
 * those about limits. Connect's words become ours.
 */
function explainError(error: ConnectError, call: ServerCall): void {
  if (error.rawMessage.length > messageCharsMax) {
    setMessage(error, `${error.rawMessage.slice(0, messageCharsMax)}…`);
  }
  if (isOfOwnDeadline(error, call)) {
    // What a service that was called says of the rest of the time helps less than the whole limit.
    setMessage(error, deadlineExceeded(call).rawMessage);
    error.details = [];
  } else if (error.details.length > 0 || error.isWireError) {
    return;
  }
  const found = explanation(error, call);
  if (found === undefined) {
    return;
  }
  const { reason, field, description, metadata = {} } = found;
  const method = `${call.service.typeName}/${call.method.name}`;
  error.details.push(errorDetail(ErrorInfoSchema, { reason, metadata: { method, ...metadata } }));
  if (description !== undefined) {
    setMessage(error, fieldSentence(field ?? "", description));
  }
  if (field !== undefined && description !== undefined) {
    error.details.push(errorDetail(BadRequestSchema, { fieldViolations: [{ field, description, reason }] }));
  }
}

/** The longest words sent of an error. They go into a header in gRPC, and some of Connect's repeat what they were given. */
const messageCharsMax = 1_024;

interface Explanation {
  readonly reason: string;
  readonly field?: string;
  /** Takes the place of the error's words. */
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

function explanation(error: ConnectError, call: ServerCall): Explanation | undefined {
  switch (error.code) {
    case Code.InvalidArgument:
      return invalidRequest(error, call);
    case Code.ResourceExhausted:
      return tooLarge(error);
    case Code.DeadlineExceeded:
      return { reason: deadlineReason, metadata: { limitMs: String(Math.round(call.deadlineMs - call.startMs)) } };
    case Code.Unimplemented:
      return { reason: "UNIMPLEMENTED" };
    default:
      return undefined;
  }
}

/** Connect's decoders say what they read where; what is to be read there says more. */
function invalidRequest(error: ConnectError, { method }: ServerCall): Explanation {
  const reason = invalidRequestReason;
  if (/^parse binary/.test(error.rawMessage)) {
    return { reason, description: `the request is not protobuf of the type ${method.input.typeName}` };
  }
  if (!/^cannot decode/.test(error.rawMessage)) {
    return { reason };
  }
  const { path, description } = otherMistake(error.cause, method.input);
  return { reason, description, ...(path === "" ? {} : { field: path }) };
}

function tooLarge(error: ConnectError): Explanation | undefined {
  const [, bytes, side, limit] = /(\d+)?\D+(read|write)MaxBytes (\d+)/.exec(error.rawMessage) ?? [];
  if (limit === undefined) {
    return undefined;
  }
  const what = side === "read" ? "request" : "response";
  const setting = side === "read" ? "REQUEST_BYTES_MAX" : "RESPONSE_BYTES_MAX";
  const size = bytes === undefined ? "" : `${bytes} bytes, `;
  const help = side === "read" ? "send less at once" : "ask for less at once, for example a smaller page";
  return {
    reason: "MESSAGE_TOO_LARGE",
    description: `the ${what} has ${size}more than the limit of ${limit} bytes (${setting}); ${help}`,
    metadata: { limitBytes: limit },
  };
}

/** A service that was called with the rest of this call's time ran out of it: so has this call, or it is about to. */
function isOfOwnDeadline(error: ConnectError, call: ServerCall): boolean {
  return (
    error.code === Code.DeadlineExceeded &&
    error !== call.aborted &&
    (reasonOf(error)?.reason ?? deadlineReason) === deadlineReason &&
    (call.timeoutMs() ?? Number.POSITIVE_INFINITY) <= timerSlackMs
  );
}

/** How much earlier than ours the timer of a service for the same deadline may fire, in milliseconds. */
const timerSlackMs = 100;

function setMessage(error: ConnectError, rawMessage: string): void {
  Object.assign(error, { rawMessage, message: rawMessage });
}
