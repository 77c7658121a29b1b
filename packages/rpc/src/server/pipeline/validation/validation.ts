import type { DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator, type Violation, violationsToProto } from "@bufbuild/protovalidate";
import { Code, type ConnectError } from "@connectrpc/connect";
import { findUnknownWord } from "@parley/contract";
import { errorDetail, type FieldProblem, reasonError } from "../../../call/reason-error.ts";
import { hasFewElements, longLists } from "./list-sizes.ts";

/** The reason of every error that blames the request itself. */
export const invalidRequestReason = "INVALID_REQUEST";

/** The violations that an error names. A list of a hundred wrong entries does not become an error of a hundred parts. */
const violationsMax = 10;

/** Stops at the first violation: whether a message is valid costs no more than it must. */
const quickValidator = createValidator({ failFast: true });
/** Finds every violation, also those beyond {@link violationsMax}; only for messages of few elements. */
const fullValidator = createValidator();

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
      message: sentences(lists).join("; "),
      fields: lists,
    });
  }
  const full = hasFewElements(message) ? fullValidator.validate(desc, message) : quick;
  throw invalidRequest(full.kind === "invalid" ? full.violations : quick.violations);
}

/** Throws INVALID_ARGUMENT for a word in a request's JSON that its enum does not have. */
export function refuseUnknownWords(desc: DescMessage, json: JsonValue): void {
  const unknown = findUnknownWord(desc, json);
  if (unknown !== undefined) {
    const { path, message } = unknown;
    const fields = [{ field: path, description: message }];
    throw reasonError(Code.InvalidArgument, { reason: invalidRequestReason, message, fields });
  }
}

function invalidRequest(all: Violation[]): ConnectError {
  const told = all.slice(0, violationsMax);
  const fields = told.map((violation) => ({
    field: pathToString(violation.field),
    description: violation.message,
    reason: violation.ruleId,
  }));
  const more = all.length > told.length ? [`and ${all.length - told.length} more`] : [];
  const [violations, violationsSchema] = violationsToProto(told);
  return reasonError(Code.InvalidArgument, {
    reason: invalidRequestReason,
    message: [...sentences(fields), ...more].join("; "),
    fields,
    details: [errorDetail(violationsSchema, violations)],
  });
}

function sentences(fields: readonly FieldProblem[]): string[] {
  return fields.map(({ field, description }) => (field === "" ? description : `${field}: ${description}`));
}
