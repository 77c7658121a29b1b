import { type Signal, signal } from "@preact/signals";
import { useMemo } from "preact/hooks";

export interface Action<A extends readonly unknown[]> {
  readonly busy: Signal<boolean>;
  readonly error: Signal<unknown>;
  /** Runs the action unless it is already running. Stores its failure in `error`. */
  readonly run: (...args: A) => Promise<void>;
}

/** The action of a button, with its state and its error. */
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

/** Like {@link action}, inside a component. Only the `body` of the first rendering is used, so it must read changing values itself. */
export function useAction<A extends readonly unknown[]>(body: (...args: A) => Promise<void>): Action<A> {
  return useMemo(() => action(body), []);
}
