import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type User as UserMessage, UserRole, UserSchema } from "@parley/gen/user/v1/user_pb.js";
import { etagOf, type User, type UserChange } from "./user.ts";
import { UserError } from "./user-errors.ts";

/** An account as a contract message. */
export function userMessage(user: User): UserMessage {
  const { id, name, email, phone, address, role } = user;
  return create(UserSchema, {
    id,
    name,
    email,
    phone,
    address,
    role: role === "admin" ? UserRole.ADMIN : UserRole.CUSTOMER,
    createTime: timestampFromMs(user.createTimeMs),
    updateTime: timestampFromMs(user.updateTimeMs),
    etag: etagOf(user),
  });
}

const maskPaths: readonly string[] = ["name", "email", "phone", "address"];

/**
 * The changes of an update: the fields in the mask, or all set fields without a mask. Throws INVALID_FIELD for an
 * unknown path.
 */
export function changeOf(user: UserMessage, paths: readonly string[]): UserChange {
  const unknown = paths.find((path) => !maskPaths.includes(path));
  if (unknown !== undefined) {
    throw new UserError("INVALID_FIELD", `\`update_mask\` may name ${maskPaths.join(", ")}; it names ${unknown}.`, {
      metadata: { field: "update_mask" },
    });
  }
  const { name, email, phone, address } = user;
  const wanted = (field: "name" | "email" | "phone" | "address") =>
    paths.length === 0 ? user[field] !== "" : paths.includes(field);
  return {
    ...(wanted("name") ? { name } : {}),
    ...(wanted("email") ? { email } : {}),
    ...(wanted("phone") ? { phone } : {}),
    ...(wanted("address") ? { address } : {}),
  };
}
