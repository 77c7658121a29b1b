import type { Call } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { signal } from "@preact/signals";
import { named } from "../live/call.ts";
import { rows } from "../live/calls.ts";
import { telemetry } from "../session/telemetry.ts";

/** How often an incomplete trace is reloaded, in milliseconds. */
const againMs = 1_000;
/** How long a trace is reloaded after its last span arrived, in milliseconds: events are delivered within a second or two. */
const growsMs = 8_000;

export const traceCalls = signal<readonly Call[] | undefined>(undefined);
export const traceError = signal<unknown>(undefined);

/** Loads a trace, and reloads it while it may grow. Call the result to stop. */
export function followTrace(traceId: string): () => void {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  traceCalls.value = undefined;
  traceError.value = undefined;
  let lastSize = 0;
  let grewAt = Date.now();
  const read = async () => {
    try {
      const { calls } = await telemetry.getTrace({ traceId });
      if (stopped) {
        return;
      }
      if (calls.length !== lastSize) {
        lastSize = calls.length;
        grewAt = Date.now();
        traceCalls.value = calls.map(named);
      } else {
        traceCalls.value ??= [];
      }
      traceError.value = undefined;
    } catch (error) {
      // Falls back to the spans that the page has received itself.
      const seen = seenCalls(traceId);
      if (!stopped) {
        traceCalls.value = seen.length > 0 ? seen : traceCalls.value;
        traceError.value = seen.length > 0 ? undefined : error;
      }
    }
    if (!stopped && Date.now() - grewAt < growsMs) {
      timer = setTimeout(read, againMs);
    }
  };
  void read();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

function seenCalls(traceId: string): readonly Call[] {
  return rows
    .filter(({ span }) => span.traceId === traceId)
    .flatMap(({ span, client, server }) => [...new Set([span, client, server])])
    .filter((call) => call !== undefined);
}
