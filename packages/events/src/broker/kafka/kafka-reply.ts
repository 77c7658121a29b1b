import type { FailedDelivery } from "../../inbox/inbox.ts";

/** A group's reply for events of a batch: each took effect durably, or is among the failures. */
export interface KafkaReply {
  readonly batchId: string;
  readonly group: string;
  /** The events that were handled, the failed ones included. */
  readonly eventIds: readonly string[];
  readonly failures: readonly FailedDelivery[];
}

export function encodeReply(reply: KafkaReply): Buffer {
  return Buffer.from(JSON.stringify(reply));
}

/** Undefined if it is not a valid reply: a foreign record in the topic must not stop a relay. */
export function decodeReply(value: Buffer | null | undefined): KafkaReply | undefined {
  try {
    const reply = JSON.parse(String(value)) as KafkaReply;
    return typeof reply.batchId === "string" && Array.isArray(reply.eventIds) && Array.isArray(reply.failures)
      ? reply
      : undefined;
  } catch {
    return undefined;
  }
}
