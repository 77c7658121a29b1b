import { type DescMessage, type DescMethod, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { type BadRequest, BadRequestSchema, ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { jsonFieldPath, type RenameField, renameFields } from "./field-names.ts";

/** Renames the fields that an error is about, in its message and in its details. Changes the error itself. */
export function renameErrorFields(error: ConnectError, rename: RenameField): void {
  const rawMessage = renameFields(error.rawMessage, rename);
  if (rawMessage !== error.rawMessage) {
    Object.assign(error, { rawMessage, message: error.message.replace(error.rawMessage, () => rawMessage) });
  }
  error.details = error.details.map((detail) => {
    const typeName = "desc" in detail ? detail.desc.typeName : detail.type;
    const desc = renamed.get(typeName);
    if (desc === undefined) {
      return detail;
    }
    const isDecoded = "desc" in detail;
    const value = isDecoded ? (detail.value as FieldDetail) : (readable(desc, detail.value) as FieldDetail | undefined);
    if (value === undefined || !hasFields(value)) {
      return detail;
    }
    const copy = isDecoded ? structuredClone(value) : value;
    renameIn(copy, rename);
    return isDecoded
      ? { desc: detail.desc, value: copy as typeof detail.value }
      : { ...detail, value: toBinary(desc, copy as never) };
  });
}

/** Writes the names of a method's fields as JSON does: for callers that speak JSON. */
export function spellForJson(error: ConnectError, { input, output }: Pick<DescMethod, "input" | "output">): void {
  renameErrorFields(error, (path) => jsonFieldPath(input, path) ?? jsonFieldPath(output, path));
}

const renamed: ReadonlyMap<string, DescMessage> = new Map(
  [BadRequestSchema, ErrorInfoSchema].map((desc) => [desc.typeName, desc as DescMessage]),
);

/** The properties of the two details that contain field names. */
interface FieldDetail {
  readonly fieldViolations?: BadRequest["fieldViolations"];
  readonly metadata?: Record<string, string>;
}

function hasFields({ fieldViolations = [], metadata }: FieldDetail): boolean {
  return fieldViolations.length > 0 || metadata?.field !== undefined;
}

function renameIn({ fieldViolations = [], metadata }: FieldDetail, rename: RenameField): void {
  for (const violation of fieldViolations) {
    violation.field = rename(violation.field) ?? violation.field;
    violation.description = renameFields(violation.description, rename);
  }
  if (metadata?.field !== undefined) {
    metadata.field = rename(metadata.field) ?? metadata.field;
  }
}

/** A detail that cannot be read stays as it is. */
function readable(desc: DescMessage, bytes: Uint8Array) {
  try {
    return fromBinary(desc, bytes);
  } catch {
    return undefined;
  }
}
