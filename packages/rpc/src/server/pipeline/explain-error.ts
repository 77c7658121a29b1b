import type { DescMethod } from "@bufbuild/protobuf";
import { isFieldError } from "@bufbuild/protobuf/reflect";
import { Code, type ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { errorDetail } from "../../call/reason-error.ts";
import { invalidRequestReason } from "./validation/validation.ts";

/**
 * Adds the reason, and the field if one is to blame, to an error that Connect itself makes of a request that it cannot read.
 * Its words are fit to be sent as they are: they name the field, or the limit in bytes.
 */
export function explainError(error: ConnectError, method: DescMethod): void {
  if (error.rawMessage.length > messageCharsMax) {
    const rawMessage = `${error.rawMessage.slice(0, messageCharsMax)}…`;
    Object.assign(error, { rawMessage, message: rawMessage });
  }
  if (error.details.length > 0 || error.isWireError) {
    return;
  }
  const reason = reasonByCode(error);
  if (reason === undefined) {
    return;
  }
  error.details.push(errorDetail(ErrorInfoSchema, { reason, metadata: { method: method.name } }));
  const field = fieldToBlame(error);
  if (field !== undefined) {
    error.details.push(
      errorDetail(BadRequestSchema, { fieldViolations: [{ field, description: error.rawMessage, reason }] }),
    );
  }
}

/** The longest words sent of an error. They go into a header in gRPC, and some of Connect's repeat what they were given. */
const messageCharsMax = 1_024;

function reasonByCode(error: ConnectError): string | undefined {
  switch (error.code) {
    case Code.InvalidArgument:
      return invalidRequestReason;
    case Code.ResourceExhausted:
      return /\b(?:readMaxBytes|writeMaxBytes)\b/.test(error.rawMessage) ? "MESSAGE_TOO_LARGE" : undefined;
    default:
      return undefined;
  }
}

function fieldToBlame(error: ConnectError): string | undefined {
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if (isFieldError(cause)) {
      return cause.field().name;
    }
  }
  return undefined;
}
