import { sleep } from "@parley/rpc";
import type { BackendStates } from "../backend-health.ts";
import type { TopicWatch } from "./watch-topic.ts";

/** How often the processes are checked, in milliseconds. All pages share one result. */
const checkIntervalMs = 1_000;

/** Reports the health of the processes behind the gateway whenever it changes. */
export async function watchHealth(
  backendStates: () => Promise<BackendStates>,
  { batch, clock, signal }: TopicWatch,
): Promise<void> {
  let reported = "";
  while (!signal.aborted) {
    const states = Object.entries(await backendStates());
    const text = JSON.stringify(states);
    if (text !== reported) {
      reported = text;
      batch.setHealth(states.map(([process, state]) => ({ process, state })));
    }
    await sleep(clock, checkIntervalMs, signal).catch(() => {});
  }
}
