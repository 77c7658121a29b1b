import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { findUnknownWord } from "@parley/contract";
import { reasonError } from "../../call/reason-error.ts";
import { invalidRequestReason } from "../pipeline/validation.ts";

/** Throws INVALID_ARGUMENT for a word in a request's JSON that its enum does not have. */
export function refuseUnknownWords(input: DescMessage, json: JsonValue): void {
  const unknown = findUnknownWord(input, json);
  if (unknown !== undefined) {
    const { path, message } = unknown;
    throw reasonError(Code.InvalidArgument, {
      reason: invalidRequestReason,
      message,
      fields: [{ field: path, description: message }],
    });
  }
}
