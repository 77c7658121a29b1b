import { Code, type ConnectError } from "@connectrpc/connect";
import { fieldSentence, spellForJson } from "@parley/contract";
import { BadRequestSchema, ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { completeReason, errorDetail, reasonOf } from "../../call/reason-error.ts";
import { deadlineExceeded, deadlineReason } from "./limit-errors.ts";
import type { ServerCall } from "./server-call.ts";
import { otherMistake } from "./validation/decode-errors.ts";
import { invalidRequestReason, isAsWritten } from "./validation/validation.ts";

/**
 * Completes an error before it is written. Adds a missing reason and the invalid field (if `explains`), and the domain and the help link of the
 * reason. Spells field names as the caller does.
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
 * Adds the reason, and the invalid field if there is one, to an error without details: errors that Connect creates for an undecodable request,
 * and errors about limits. Replaces Connect's message.
 */
function explainError(error: ConnectError, call: ServerCall): void {
  if (error.rawMessage.length > messageCharsMax) {
    setMessage(error, `${error.rawMessage.slice(0, messageCharsMax)}…`);
  }
  if (isOfOwnDeadline(error, call)) {
    // An error of a called service names only the time that was left. The whole limit is more useful.
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

/** The longest message of an error. gRPC sends it in a header, and some messages of Connect repeat the request's values. */
const messageCharsMax = 1_024;

interface Explanation {
  readonly reason: string;
  readonly field?: string;
  /** Replaces the error's message. */
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

/** Connect's decoders name the value that they read. This names the value that they expected. */
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

/** Whether the error is a called service's DEADLINE_EXCEEDED for this call's own deadline, which has passed or is about to. */
function isOfOwnDeadline(error: ConnectError, call: ServerCall): boolean {
  return (
    error.code === Code.DeadlineExceeded &&
    error !== call.aborted &&
    (reasonOf(error)?.reason ?? deadlineReason) === deadlineReason &&
    (call.timeoutMs() ?? Number.POSITIVE_INFINITY) <= timerSlackMs
  );
}

/** How much earlier a called service's timer may fire for the same deadline, in milliseconds. */
const timerSlackMs = 100;

function setMessage(error: ConnectError, rawMessage: string): void {
  Object.assign(error, { rawMessage, message: rawMessage });
}
