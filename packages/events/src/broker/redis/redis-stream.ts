import type { Redis } from "ioredis";

/**
 * The state of an entry in a group: unread or in progress (`waiting`), `acknowledged`, or `gone` with data that Redis
 * lost.
 */
export type EntryState = "waiting" | "acknowledged" | "gone";

export async function entryState(
  redis: Redis,
  { stream, group, entryId }: { readonly stream: string; readonly group: string; readonly entryId: string },
): Promise<EntryState> {
  const pending = await redis.xpending(stream, group, entryId, entryId, 1);
  if (pending.length > 0) {
    return "waiting";
  }
  const found = await redis.xrange(stream, entryId, entryId);
  if (found.length === 0) {
    return "gone";
  }
  const delivered = (await readGroups(redis, stream)).find(({ name }) => name === group)?.lastDeliveredId;
  return delivered !== undefined && compareIds(entryId, delivered) <= 0 ? "acknowledged" : "waiting";
}

/**
 * Trims the entries that every group has acknowledged: an entry that any group has not read or not acknowledged stays, and all
 * after it. Trims nothing while one of `groups` is missing.
 */
export async function trimAcknowledged(redis: Redis, stream: string, groups: readonly string[]): Promise<void> {
  if ((await redis.exists(stream)) === 0) {
    return;
  }
  const present = await readGroups(redis, stream);
  if (present.length === 0 || !groups.every((group) => present.some(({ name }) => name === group))) {
    return;
  }
  // The last delivered id is read before the pending entries: entries read in between are pending or acknowledged.
  const firstNeeded: string[] = [];
  for (const { name, lastDeliveredId } of present) {
    const [count, smallest] = await redis.xpending(stream, name);
    firstNeeded.push(Number(count) > 0 && typeof smallest === "string" ? smallest : idAfter(lastDeliveredId));
  }
  const needed = firstNeeded.reduce((a, b) => (compareIds(a, b) <= 0 ? a : b));
  await redis.xtrim(stream, "MINID", needed);
}

async function readGroups(redis: Redis, stream: string) {
  const groups = (await redis.xinfo("GROUPS", stream)) as readonly (readonly unknown[])[];
  return groups.map((fields) => ({
    name: String(fields[fields.indexOf("name") + 1]),
    lastDeliveredId: String(fields[fields.indexOf("last-delivered-id") + 1]),
  }));
}

function idAfter(id: string): string {
  const { ms, sequence } = parts(id);
  return `${ms}-${sequence + 1n}`;
}

function compareIds(a: string, b: string): number {
  const left = parts(a);
  const right = parts(b);
  const difference = left.ms === right.ms ? left.sequence - right.sequence : left.ms - right.ms;
  return difference < 0n ? -1 : Number(difference > 0n);
}

function parts(id: string): { readonly ms: bigint; readonly sequence: bigint } {
  const [ms = "0", sequence = "0"] = id.split("-");
  return { ms: BigInt(ms), sequence: BigInt(sequence) };
}
