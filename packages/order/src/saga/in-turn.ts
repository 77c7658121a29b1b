/** Runs work for each id one at a time, in this process. Bounded by the limits of its callers. */
export interface InTurn {
  /** Calls `work` after earlier work for the same id has ended, successfully or not. */
  run<T>(id: string, work: () => Promise<T>): Promise<T>;
  /** Whether work for the id runs or waits. */
  isBusy(id: string): boolean;
  /** Resolves when no work runs. */
  idle(): Promise<void>;
}

export function createInTurn(): InTurn {
  const last = new Map<string, Promise<unknown>>();
  return {
    run(id, work) {
      const before = last.get(id);
      const mine = before === undefined ? work() : before.then(work, work);
      last.set(id, mine);
      const forget = () => {
        if (last.get(id) === mine) last.delete(id);
      };
      mine.then(forget, forget);
      return mine;
    },
    isBusy: (id) => last.has(id),
    async idle() {
      while (last.size > 0) await Promise.allSettled(last.values());
    },
  };
}
