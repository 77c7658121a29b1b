/**
 * The number of partitions of a log's keys. Each has one publisher at a time, so this many replicas of a service
 * can publish at once. Changing it needs a migration of the log.
 */
export const partitionCount = 16;

/** The partition of a key (FNV-1a, 32 bits, over UTF-16 units). */
export function partitionOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  // The low bits of FNV-1a mix worst.
  return ((hash ^ (hash >>> 16)) >>> 0) % partitionCount;
}
