import type { Call } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { latencyMs, startMs } from "../live/call.ts";

/**
 * The start time of each span, corrected for clock skew between processes: no span starts before its cause, and a server span lies within its
 * client span. A span that violates this is shifted with its descendants, by the smallest amount.
 */
export function causalTimes(calls: readonly Call[]): ReadonlyMap<Call, number> {
  const byId = new Map(calls.map((call) => [call.spanId, call]));
  const children = new Map<string, Call[]>();
  const roots: Call[] = [];
  for (const call of calls) {
    const parent = byId.get(call.parentSpanId);
    if (parent === undefined || parent === call) {
      roots.push(call);
    } else {
      children.set(parent.spanId, [...(children.get(parent.spanId) ?? []), call]);
    }
  }
  const times = new Map<Call, number>();
  const place = (call: Call, shiftMs: number, earliestMs: number) => {
    if (times.has(call)) {
      return;
    }
    const ownMs = startMs(call) + shiftMs;
    const beganMs = Math.max(ownMs, earliestMs);
    times.set(call, beganMs);
    for (const child of children.get(call.spanId) ?? []) {
      const slackMs = Math.max(0, latencyMs(call) - latencyMs(child));
      const shift = shiftMs + beganMs - ownMs;
      const late = startMs(child) + shift - beganMs > slackMs && child.process !== call.process;
      // A server span that would end after its client span is centred within it.
      place(child, late && nested(call, child) ? beganMs + slackMs / 2 - startMs(child) : shift, beganMs);
    }
  };
  for (const root of roots.sort((one, other) => startMs(one) - startMs(other))) {
    place(root, 0, Number.NEGATIVE_INFINITY);
  }
  for (const call of calls) {
    place(call, 0, Number.NEGATIVE_INFINITY);
  }
  return times;
}

/** Whether a span is the other side of the same call. */
function nested(parent: Call, child: Call): boolean {
  return parent.service === child.service && parent.method === child.method;
}
