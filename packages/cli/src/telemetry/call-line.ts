import { type Call, CallMark, SpanKind } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { codeName } from "../outcome/failure.ts";
import { printable } from "../render/printable.ts";
import { ms } from "../render/sequence-steps.ts";
import type { Colors } from "../terminal/terminal.ts";
import { startMs } from "./ask-trace.ts";
import { latencyMs } from "./trace-sequence.ts";

/**
 * Whether a span is shown if each hop is shown once: the server's span, or the client's if the call may have reached no server.
 */
export function isHop({ kind, code, reason }: Call): boolean {
  if (kind === SpanKind.CLIENT) {
    return code !== 0 && (reason === "DEPENDENCY_UNAVAILABLE" || code === deadlineExceeded);
  }
  return (
    kind === SpanKind.SERVER || kind === SpanKind.BATCHED || kind === SpanKind.EVENT_CONSUME || kind === SpanKind.MAIL
  );
}

const deadlineExceeded = 4;

/** `08:15:04.120  order → product  ReserveStock  OK 1.2 ms  trace 4bf9…`. */
export function callLine(call: Call, colors: Colors): string {
  const time = new Date(startMs(call));
  const stamp = `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
  const isOk = call.code === 0;
  const outcome = `${isOk ? "OK" : codeName(call.code as number)} ${ms(latencyMs(call))}`;
  return [
    colors.dim(stamp),
    `${printable(call.from)} → ${printable(call.to)}`,
    colors.bold(printable(call.method)),
    isOk ? colors.green(outcome) : colors.red(outcome),
    ...(isOk ? [] : [printable(call.reason === "" ? call.message : `${call.reason}: ${call.message}`)]),
    ...extras(call),
    colors.dim(`trace ${call.traceId}`),
  ].join("  ");
}

function extras({ attempts, attempt, batchSize, marks, kind }: Call): readonly string[] {
  return [
    ...(kind === SpanKind.CLIENT ? ["client"] : []),
    ...(kind === SpanKind.ATTEMPT ? [`attempt ${attempt}`] : []),
    ...(attempts > 1 && kind === SpanKind.CLIENT ? [`${attempts} attempts`] : []),
    ...(batchSize > 1 ? [`batch of ${batchSize}`] : []),
    ...(marks.includes(CallMark.BREAKER_OPEN) ? ["breaker open"] : []),
    ...(marks.includes(CallMark.SHED) ? ["shed"] : []),
  ];
}
