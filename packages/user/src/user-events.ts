import { create } from "@bufbuild/protobuf";
import { type EventLog, eventTypes } from "@parley/events";
import { UserCreatedSchema } from "@parley/gen/event/v1/event_pb.js";
import type { CallContext } from "@parley/rpc";
import type { Transaction } from "@parley/store";
import type { User } from "./user.ts";

export interface CreatedUser {
  readonly user: User;
  readonly cause?: CallContext | undefined;
}

/** Appends UserCreated, in the transaction that created the account. */
export function publishUserCreated(
  log: EventLog,
  transaction: Transaction,
  { user, cause }: CreatedUser,
): Promise<void> {
  const { id: userId, name, email } = user;
  return log.append(transaction, {
    type: eventTypes.userCreated,
    subject: userId,
    partitionKey: userId,
    payload: { case: "userCreated", value: create(UserCreatedSchema, { userId, name, email }) },
    ...(cause === undefined ? {} : { cause }),
  });
}
