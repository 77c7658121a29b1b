/** What was kept in this browser under a key, where it is one of the allowed words. */
export function remembered<T extends string>(key: string, otherwise: T, allowed: readonly T[]): T {
  try {
    const kept = localStorage.getItem(key) as T | null;
    return kept !== null && allowed.includes(kept) ? kept : otherwise;
  } catch {
    return otherwise;
  }
}
