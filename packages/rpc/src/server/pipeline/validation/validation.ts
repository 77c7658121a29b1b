import type { DescMessage, Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator, type Violation, violationsToProto } from "@bufbuild/protovalidate";
import { Code, type ConnectError } from "@connectrpc/connect";
import { errorDetail, reasonError } from "../../call/reason-error.ts";

/** The reason of every error that blames the request itself. */
export const invalidRequestReason = "INVALID_REQUEST";

/** The violations that an error tells of. A list of a hundred wrong entries does not become an error of a hundred parts. */
const violationsMax = 10;

const validator = createValidator();

/**
 * Throws INVALID_ARGUMENT if the message breaks a rule of its contract (protovalidate), naming each field and its limit.
 */
export function validateMessage(desc: DescMessage, message: Message): void {
  const result = validator.validate(desc, message);
  if (result.kind === "invalid") {
    throw invalidRequest(result.violations);
  }
  if (result.kind === "error") {
    throw result.error;
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
  const sentences = fields.map(({ field, description }) => (field === "" ? description : `${field}: ${description}`));
  const [violations, violationsSchema] = violationsToProto(told);
  return reasonError(Code.InvalidArgument, {
    reason: invalidRequestReason,
    message: [...sentences, ...more].join("; "),
    fields,
    details: [errorDetail(violationsSchema, violations)],
  });
}
