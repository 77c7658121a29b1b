/**
 * Parts that a log's keys are dealt into. Each part has one publisher at a time, so this is how many replicas of a service
 * can publish at once. Changing it needs a migration of the log.
 */
export const partitionCount = 16;

/** The part that a key belongs to (FNV-1a, 32 bits, over UTF-16 units). */
export function partitionOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  // The low bits of FNV-1a mix worst.
  return ((hash ^ (hash >>> 16)) >>> 0) % partitionCount;
}
