import type { Call } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { latencyMs, startMs } from "../live/call.ts";

/**
 * When each span began, with the clocks of its processes made to agree: nothing can begin before what caused it, and a server's part lies
 * within its caller's. Where a span's own time says otherwise, it and all below it are moved by the least that is needed.
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
      // Of a part that would end after its caller had the answer, the middle of what is left is as good a guess as any.
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

/** Whether a span is the other end of the same call. */
function nested(parent: Call, child: Call): boolean {
  return parent.service === child.service && parent.method === child.method;
}
