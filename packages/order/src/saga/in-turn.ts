/** Works on each thing by one worker at a time, in this process. Bounded by what its callers are bounded by. */
export interface InTurn {
  /** Does `work` after what was begun for the same id has ended, one way or the other. */
  run<T>(id: string, work: () => Promise<T>): Promise<T>;
  /** Whether work for the id is under way or waits. */
  isBusy(id: string): boolean;
  /** Resolves when no work is under way. */
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
