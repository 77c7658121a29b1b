import type { DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { createValidator, type Violation, violationsToProto } from "@bufbuild/protovalidate";
import { Code, type ConnectError } from "@connectrpc/connect";
import { fieldSentence, findUnknownWord, type JsonMistake } from "@parley/contract";
import { errorDetail, type FieldProblem, reasonError } from "../../../call/reason-error.ts";
import { hasFewElements, longLists } from "./list-sizes.ts";
import { matchPattern } from "./match-pattern.ts";
import { problemSentence, violationProblem } from "./violation-words.ts";

/** The reason of every error that blames the request itself. */
export const invalidRequestReason = "INVALID_REQUEST";

/** The violations that an error names. A list of a hundred wrong entries does not become an error of a hundred parts. */
const violationsMax = 10;

/** Stops at the first violation: whether a message is valid costs no more than it must. */
const quickValidator = createValidator({ failFast: true, regexMatch: matchPattern });
/** Finds every violation, also those beyond {@link violationsMax}; only for messages of few elements. */
const fullValidator = createValidator({ regexMatch: matchPattern });

/**
 * Throws INVALID_ARGUMENT if the message breaks a rule of its contract (protovalidate), naming each field and its limit. Lists that are too long come
 * first, and alone: violations inside the entries of an oversized list are not useful.
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

/** Throws INVALID_ARGUMENT for a word in a request's JSON that its enum does not have. */
export function refuseUnknownWords(desc: DescMessage, json: JsonValue): void {
  const unknown = findUnknownWord(desc, json);
  if (unknown !== undefined) {
    throw mistakeError(unknown);
  }
}

/** Blames one field, by its path as the caller wrote it. */
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

/** Whether an error names fields as its caller wrote them, so that they need no other spelling. */
export function isAsWritten(error: ConnectError): boolean {
  return asWritten.has(error);
}

function invalidRequest(message: Message, all: Violation[]): ConnectError {
  const told = all.slice(0, violationsMax);
  const fields = told.map((violation) => violationProblem(violation, message));
  const more = all.length > told.length ? [`And ${all.length - told.length} more fields are wrong.`] : [];
  const [violations, violationsSchema] = violationsToProto(told);
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
