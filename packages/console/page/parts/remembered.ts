/** The value stored in this browser under a key, if it is one of the allowed values. */
export function remembered<T extends string>(key: string, otherwise: T, allowed: readonly T[]): T {
  try {
    const kept = localStorage.getItem(key) as T | null;
    return kept !== null && allowed.includes(kept) ? kept : otherwise;
  } catch {
    return otherwise;
  }
}
