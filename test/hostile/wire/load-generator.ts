import {
  type Field,
  frame,
  frameType,
  headers,
  literal,
  preface,
  prefixed,
  settings,
  windowUpdate,
} from "./http2-frames.ts";
import { RawHttp2 } from "./raw-http2.ts";

export interface Load {
  readonly url: string;
  readonly fields: readonly Field[];
  readonly body: Buffer;
  /** A call is good if it gets an OK response within this time after it was due. */
  readonly deadlineMs: number;
  /** Whether a response's message alone means OK, as in gRPC, or the HTTP status. */
  readonly isGrpc: boolean;
  readonly connections: number;
}

export interface LoadPhase {
  readonly seconds: number;
  /** The call rate per second, independent of the responses (open loop). */
  readonly perSecond?: number;
  /** Or the number of concurrent calls (closed loop). */
  readonly concurrent?: number;
  readonly signal: AbortSignal;
}

export interface LoadResult {
  readonly offered: number;
  readonly sent: number;
  /** OK in time. */
  readonly good: number;
  /** OK after the deadline, which the server counts from when a call was sent. */
  readonly late: number;
  readonly refused: number;
  readonly goodPerSecond: number;
}

/** How long after the last call's deadline to wait for responses. */
const graceMs = 500;
const tickMs = 2;
/** Calls that wait here for each connection. Beyond it they are dropped: the default of Envoy's circuit breaker, `max_pending_requests`. */
const pendingMax = 1_024;
/** How long a response may wait in this process before it is read. */
const readMaxMs = 250;

/**
 * Calls a server over a few HTTP/2 connections at a fixed rate. It respects the server's stream limit and windows: excess calls
 * are queued here, up to a limit, and dropped once their deadline has passed.
 */
export async function generateLoad(
  load: Load,
  { seconds, perSecond, concurrent = 0, signal }: LoadPhase,
): Promise<LoadResult> {
  const count = { offered: 0, sent: 0, good: 0, late: 0, refused: 0 };
  const callers = Array.from(
    { length: load.connections },
    () =>
      new Caller(load, ({ dueMs, sentMs, isOk }) => {
        const nowMs = performance.now();
        if (!isOk) count.refused++;
        else if (nowMs - dueMs <= load.deadlineMs) count.good++;
        if (isOk && nowMs - sentMs > load.deadlineMs + readMaxMs) count.late++;
      }),
  );
  await Promise.all(callers.map((caller) => caller.ready()));
  const startMs = performance.now();
  const endMs = startMs + seconds * 1_000;
  const queue: number[] = [];
  let head = 0;
  while (performance.now() < endMs && !signal.aborted) {
    const nowMs = performance.now();
    const due =
      perSecond === undefined
        ? concurrent - callers.reduce((sum, caller) => sum + caller.open, 0) - (queue.length - head)
        : Math.floor(((nowMs - startMs) / 1_000) * perSecond) - count.offered;
    const room = load.connections * pendingMax - (queue.length - head);
    for (let index = 0; index < Math.min(due, room); index++) queue.push(nowMs);
    count.offered += Math.max(0, due);
    // Drops calls that have been queued for too long.
    while (head < queue.length && nowMs - (queue[head] as number) > load.deadlineMs) head++;
    for (let tries = 0; head < queue.length && tries < callers.length; ) {
      const caller = callers[count.sent % callers.length] as Caller;
      if (caller.call(queue[head] as number)) {
        head++;
        count.sent++;
        tries = 0;
      } else {
        callers.push(callers.shift() as Caller);
        tries++;
      }
    }
    for (const caller of callers) caller.flush();
    await new Promise((resolve) => setTimeout(resolve, tickMs));
  }
  const tookSeconds = (performance.now() - startMs) / 1_000;
  const lastMs = performance.now() + load.deadlineMs + graceMs;
  while (callers.some(({ open }) => open > 0) && performance.now() < lastMs && !signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (const caller of callers) caller.close();
  return { ...count, goodPerSecond: count.good / tookSeconds };
}

interface CallMade {
  readonly dueMs: number;
  readonly sentMs: number;
  isOk: boolean;
}

/**
 * One connection. Its header fields are sent once and referenced by their index in the dynamic table afterwards (RFC 7541,
 * section 6.1).
 */
class Caller {
  readonly #connection: RawHttp2;
  readonly #load: Load;
  readonly #pending = new Map<number, CallMade>();
  readonly #again: Buffer;
  #out: Buffer[] = [];
  #stream = 1;
  #streamsMax = 100;
  #sentBytes = 0;

  constructor(load: Load, onAnswer: (call: CallMade) => void) {
    this.#load = load;
    const count = load.fields.length;
    this.#again = Buffer.concat(load.fields.map((_, index) => prefixed(62 + count - 1 - index, 7, 0x80)));
    this.#connection = new RawHttp2(load.url, {
      first: Buffer.concat([preface, settings([[4, 0x7fffffff]]), windowUpdate(0, 0x7fffffff - 65_535)]),
      onFrame: ({ type, flags, stream, payload }) => {
        if (type === frameType.settings && (flags & 1) === 0) this.#readSettings(payload);
        const call = this.#pending.get(stream);
        if (call === undefined) return;
        if (type === frameType.data && load.isGrpc && payload.length > 0) call.isOk = true;
        // Apart from literals, status 200 is one byte (RFC 7541, appendix A).
        if (type === frameType.headers && !load.isGrpc && payload[0] === 0x88) call.isOk = true;
        if (
          type === frameType.reset ||
          ((type === frameType.data || type === frameType.headers) && (flags & 1) !== 0)
        ) {
          this.#pending.delete(stream);
          if (type === frameType.reset) call.isOk = false;
          onAnswer(call);
        }
      },
    });
  }

  get open(): number {
    return this.#connection.closed ? 0 : this.#pending.size;
  }

  async ready(): Promise<void> {
    await this.#connection.roundTrip(10_000);
  }

  /** Sends the call. Returns false if the stream limit or the window does not allow it. */
  call(dueMs: number): boolean {
    const window = 65_535 + (this.#connection.granted.get(0) ?? 0) - this.#sentBytes;
    const { body, fields } = this.#load;
    if (this.#pending.size >= this.#streamsMax || window < body.length || this.#connection.closed) return false;
    const stream = this.#stream;
    this.#stream += 2;
    const block = stream === 1 ? Buffer.concat(fields.map(([name, value]) => literal(name, value, 0x40))) : this.#again;
    this.#out.push(headers(stream, block), frame({ type: frameType.data, flags: 1, stream }, body));
    this.#sentBytes += body.length;
    this.#pending.set(stream, { dueMs, sentMs: performance.now(), isOk: false });
    return true;
  }

  flush(): void {
    if (this.#out.length === 0) return;
    this.#connection.socket.write(Buffer.concat(this.#out));
    this.#out = [];
  }

  close(): void {
    this.#connection.close();
  }

  #readSettings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) === 3) this.#streamsMax = payload.readUInt32BE(at + 2);
    }
  }
}
