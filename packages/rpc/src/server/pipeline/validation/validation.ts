import type { DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { createValidator, type Violation, violationsToProto } from "@bufbuild/protovalidate";
import { Code, type ConnectError } from "@connectrpc/connect";
import { fieldSentence, findUnknownWord, type JsonMistake } from "@parley/contract";
import { errorDetail, type FieldProblem, reasonError } from "../../../call/reason-error.ts";
import { hasFewElements, longLists } from "./list-sizes.ts";
import { matchPattern } from "./match-pattern.ts";
import { problemSentence, violationProblem } from "./violation-words.ts";

/** The reason of errors about an invalid request. */
export const invalidRequestReason = "INVALID_REQUEST";

/** The most violations that one error names, so that a list of 100 wrong entries does not make an error of 100 parts. */
const violationsMax = 10;

/** Stops at the first violation, so that an invalid message is rejected cheaply. */
const quickValidator = createValidator({ failFast: true, regexMatch: matchPattern });
/** Finds all violations, also those beyond {@link violationsMax}. Only for messages of few elements. */
const fullValidator = createValidator({ regexMatch: matchPattern });

/**
 * Throws INVALID_ARGUMENT if the message violates a rule of its contract (protovalidate), with each field and its limit. If lists are too
 * long, only they are reported, since violations inside an oversized list are not useful.
 */
export function validateMessage(desc: DescMessage, message: Message): void {
  const quick = quickValidator.validate(desc, message);
  if (quick.kind === "valid") {
    return;
  }
  if (quick.kind === "error") {
    throw quick.error;
  }
  const lists = longLists(desc, message);
  if (lists.length > 0) {
    throw reasonError(Code.InvalidArgument, {
      reason: invalidRequestReason,
      message: sentences(lists).join(" "),
      fields: lists,
    });
  }
  const full = hasFewElements(message) ? fullValidator.validate(desc, message) : quick;
  throw invalidRequest(message, full.kind === "invalid" ? full.violations : quick.violations);
}

/** Throws INVALID_ARGUMENT for an unknown enum value in a request's JSON. */
export function refuseUnknownWords(desc: DescMessage, json: JsonValue): void {
  const unknown = findUnknownWord(desc, json);
  if (unknown !== undefined) {
    throw mistakeError(unknown);
  }
}

/** INVALID_ARGUMENT about one field, with its path as the caller wrote it. */
export function mistakeError({ path, description, field = path }: JsonMistake, cause?: unknown): ConnectError {
  const error = reasonError(Code.InvalidArgument, {
    reason: invalidRequestReason,
    message: fieldSentence(path, description),
    ...(field === "" ? {} : { fields: [{ field, description, reason: invalidRequestReason }] }),
    cause,
  });
  asWritten.add(error);
  return error;
}

const asWritten = new WeakSet<ConnectError>();

/** Whether an error already names fields in its caller's spelling. */
export function isAsWritten(error: ConnectError): boolean {
  return asWritten.has(error);
}

function invalidRequest(message: Message, all: Violation[]): ConnectError {
  const reported = all.slice(0, violationsMax);
  const fields = reported.map((violation) => violationProblem(violation, message));
  const unreported = all.length - reported.length;
  const more = unreported > 0 ? [`And ${unreported} more fields are wrong.`] : [];
  const [violations, violationsSchema] = violationsToProto(reported);
  for (const [index, { description }] of fields.entries()) {
    Object.assign(violations.violations[index] ?? {}, { message: description });
  }
  return reasonError(Code.InvalidArgument, {
    reason: invalidRequestReason,
    message: [...sentences(fields), ...more].join(" "),
    fields,
    details: [errorDetail(violationsSchema, violations)],
  });
}

function sentences(fields: readonly FieldProblem[]): string[] {
  return fields.map(problemSentence);
}
