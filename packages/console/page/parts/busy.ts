import { type Signal, signal } from "@preact/signals";
import { useMemo } from "preact/hooks";

export interface Action<A extends readonly unknown[]> {
  readonly busy: Signal<boolean>;
  readonly error: Signal<unknown>;
  /** Runs it once at a time. Its failure is kept in `error`. */
  readonly run: (...args: A) => Promise<void>;
}

/** Something that a button starts: whether it runs, and how it failed. */
export function action<A extends readonly unknown[]>(body: (...args: A) => Promise<void>): Action<A> {
  const busy = signal(false);
  const error = signal<unknown>(undefined);
  return {
    busy,
    error,
    async run(...args) {
      if (busy.value) {
        return;
      }
      busy.value = true;
      error.value = undefined;
      try {
        await body(...args);
      } catch (failure) {
        error.value = failure;
      } finally {
        busy.value = false;
      }
    },
  };
}

/** The same inside a component. `body` is taken from the first rendering: what changes, it must read itself. */
export function useAction<A extends readonly unknown[]>(body: (...args: A) => Promise<void>): Action<A> {
  return useMemo(() => action(body), []);
}
