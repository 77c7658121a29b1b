import type { ClientSideRow, Row, StepCost } from "./row.ts";

/** The limits that the platform must keep for other callers during an attack. */
export const limits = {
  errorShareMax: 0.01,
  /** The good client's p99 during the attack: at most this multiple of its idle p99, or `p99FloorMs` if that is more. */
  p99IdleFactor: 5,
  p99FloorMs: 250,
  growthBytesMax: 200 * 1024 * 1024,
  /** Buffers, resident or not: an announced length must not allocate memory. */
  externalBytesMax: 400 * 1024 * 1024,
  /** CPU time for which one request may block the event loop. */
  stepBlockedMsMax: 50,
  /** The bytes that one request may allocate: this multiple of its decompressed size, plus `stepAllocatedFloor`. */
  stepAllocatedFactor: 16,
  stepAllocatedFloor: 1024 * 1024,
} as const;

export interface JudgeOptions {
  /** The measure of latency: wall-clock time on an idle machine, or the time for which the processes had a core on a shared one. */
  readonly latencyBy: "wall" | "own";
}

export interface JudgedRow {
  readonly row: Row;
  readonly failures: readonly string[];
}

/** The limits that a row exceeds, with figures. Empty if it passed. */
export function judge(row: Row, options: JudgeOptions): readonly string[] {
  const failures = row.judgesGoodClient ? [...judgeGoodClient(row, options)] : [];
  for (const each of row.processes) {
    const growth = each.peakBytes - each.beforeBytes;
    if (!each.isAlive) failures.push(`${each.name} died`);
    if (growth > limits.growthBytesMax) failures.push(`${each.name} grew by ${megabytes(growth)} MB`);
    if (each.externalMaxBytes > limits.externalBytesMax) {
      failures.push(`${each.name} held ${megabytes(each.externalMaxBytes)} MB in buffers`);
    }
    if (each.isAlive && (each.inFlightAfter ?? Number.POSITIVE_INFINITY) > each.inFlightBefore) {
      failures.push(
        `${each.name}: calls in flight ${each.inFlightBefore} before, ${each.inFlightAfter ?? "unknown"} after`,
      );
    }
  }
  const blocking = worst(row.steps, ({ blockedMs }) => blockedMs / limits.stepBlockedMsMax);
  if (blocking !== undefined) {
    failures.push(`event loop blocked for ${blocking.blockedMs.toFixed(0)} ms by ${blocking.what}`);
  }
  const greedy = worst(row.steps, (step) => step.allocatedBytes / allocatedMax(step));
  if (greedy !== undefined) {
    failures.push(
      `${megabytes(greedy.allocatedBytes)} MB allocated for ${megabytes(greedy.messageBytes)} MB by ${greedy.what}`,
    );
  }
  const over = row.steps.filter(
    (step) => step.blockedMs > limits.stepBlockedMsMax || step.allocatedBytes > allocatedMax(step),
  );
  if (over.length > 1) failures.push(`${over.length} of ${row.steps.length} requests above a limit`);
  return [...failures, ...row.findings];
}

/** The good client's p99, if it is above the limit. */
function latencyFailure({ idle, beside }: Row, { latencyBy }: JudgeOptions): string | undefined {
  const [idleMs, besideMs] = latencyBy === "wall" ? [idle.p99Ms, beside.p99Ms] : [idle.p99OwnMs, beside.p99OwnMs];
  const p99Max = Math.max(limits.p99FloorMs, idleMs * limits.p99IdleFactor);
  return besideMs > p99Max ? `p99 ${besideMs.toFixed(0)} ms of ${p99Max.toFixed(0)} allowed (${latencyBy})` : undefined;
}

/** Whether the good client's p99 is all that a row fails for. */
export function failsByLatencyAlone({ row, failures }: JudgedRow, options: JudgeOptions): boolean {
  return row.judgesGoodClient && failures.length === 1 && failures[0] === latencyFailure(row, options);
}

function judgeGoodClient(row: Row, options: JudgeOptions): readonly string[] {
  const { beside } = row;
  const { latencyBy } = options;
  const latency = latencyFailure(row, options);
  const failures = latency === undefined ? [] : [latency];
  if (beside.calls === 0) failures.push("the good client made no call");
  const errors = beside.errors - (latencyBy === "wall" ? 0 : beside.errorsByMachine);
  if (errors > beside.calls * limits.errorShareMax) {
    failures.push(`${errors} of ${beside.calls} good calls failed: ${beside.errorTexts.join("; ")}`);
  }
  return failures;
}

/** Whether one request exceeds its cost limits, so that it is measured again. */
export function costsTooMuch(step: StepCost): boolean {
  return step.blockedMs > limits.stepBlockedMsMax || step.allocatedBytes > allocatedMax(step);
}

function allocatedMax({ messageBytes }: StepCost): number {
  return messageBytes * limits.stepAllocatedFactor + limits.stepAllocatedFloor;
}

/** The step that exceeds its limit by the largest factor, if any. */
function worst(steps: readonly StepCost[], share: (step: StepCost) => number): StepCost | undefined {
  return steps.filter((step) => share(step) > 1).sort((a, b) => share(b) - share(a))[0];
}

function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(bytes < 10 * 1024 * 1024 ? 1 : 0);
}

/** How long a call of the client may last beyond its deadline, whatever a server does, in milliseconds. */
const overrunMsMax = 100;

/** The limits that the client exceeds. */
export function judgeClient(row: ClientSideRow, { latencyBy }: JudgeOptions): readonly string[] {
  const overrunMs = latencyBy === "wall" ? row.overrunMs : row.overrunOwnMs;
  return [
    ...(overrunMs > overrunMsMax ? [`a call ended ${overrunMs.toFixed(0)} ms after its deadline`] : []),
    ...(row.blockedMs > overrunMsMax ? [`event loop blocked for ${row.blockedMs.toFixed(0)} ms`] : []),
    ...(row.grownBytes > limits.growthBytesMax ? [`the client grew by ${megabytes(row.grownBytes)} MB`] : []),
    ...row.findings,
  ];
}
