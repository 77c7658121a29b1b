import type { FailedDelivery } from "../../inbox/inbox.ts";

/** A consumer's report of a batch. */
export interface RedisReply {
  readonly batchId: string;
  readonly group: string;
  readonly failures: readonly FailedDelivery[];
}

export function encodeReply(reply: RedisReply): string {
  return JSON.stringify(reply);
}

/** Undefined if it is not a valid reply. */
export function decodeReply(text: string): RedisReply | undefined {
  let reply: unknown;
  try {
    reply = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isReply(reply) ? reply : undefined;
}

function isReply(value: unknown): value is RedisReply {
  const reply = value as Partial<RedisReply> | null;
  return (
    typeof reply === "object" &&
    typeof reply?.batchId === "string" &&
    typeof reply.group === "string" &&
    Array.isArray(reply.failures) &&
    reply.failures.every(({ eventId, cause }) => typeof eventId === "string" && typeof cause === "string")
  );
}
