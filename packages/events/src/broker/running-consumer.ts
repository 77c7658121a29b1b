import type { EventConsumer } from "./event-consumer.ts";

/** A consumer whose work runs from `start` until `stop` aborts its signal. Starting twice has no effect; `stop` waits for the work to end. */
export function runningConsumer(run: (signal: AbortSignal) => Promise<void>): EventConsumer {
  let stopping: AbortController | undefined;
  let running: Promise<void> | undefined;
  return {
    start() {
      if (running === undefined) {
        stopping = new AbortController();
        running = run(stopping.signal);
      }
    },
    async stop() {
      stopping?.abort();
      await running;
      running = undefined;
    },
  };
}
