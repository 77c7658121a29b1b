/** A lock within one process: serializes the work for a key. */
export function createInTurn(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const mine = (last.get(key) ?? Promise.resolve()).then(work);
    last.set(
      key,
      mine.catch(() => {}),
    );
    return mine;
  };
}
