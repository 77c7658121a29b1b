import { type Ending, RawConnection, type RawRequest } from "./raw-connection.ts";

/**
 * The offered load: `callsPerSecond` regardless of the server (open loop), or as many as possible with this many `inFlight`
 * (closed loop).
 */
export interface Offer extends Omit<RawRequest, "body"> {
  readonly body: string;
  readonly connections: number;
  readonly seconds: number;
  readonly callsPerSecond?: number;
  readonly inFlight?: number;
}

/** The results. Good: OK within {@link patienceMs} after the call was due. */
export interface Yield {
  readonly offered: number;
  readonly good: number;
  readonly late: number;
  readonly refused: number;
  readonly failed: number;
  /** Never sent: the server's limits delayed the call beyond its patience. */
  readonly unsent: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** How long a caller waits, in milliseconds. */
const patienceMs = 2_000;

const offer = JSON.parse(process.argv[2] ?? "") as Offer;
const request: RawRequest = { ...offer, body: Buffer.from(offer.body, "base64") };
const tookMs: number[] = [];
const counts = { offered: 0, late: 0, refused: 0, failed: 0, unsent: 0 };
let open = 0;

function onEnd(startMs: number, ending: Ending): void {
  open--;
  const took = performance.now() - startMs;
  if (ending !== "ok") {
    counts[ending]++;
  } else if (took > patienceMs) {
    counts.late++;
  } else {
    tookMs.push(took);
  }
}

const connections = Array.from({ length: offer.connections }, () => new RawConnection(request, onEnd));
await Promise.all(connections.map(({ ready }) => ready));
const queue: number[] = [];
let first = 0;
let turn = 0;
const beginMs = performance.now();
const endMs = beginMs + offer.seconds * 1000;

function tick(): void {
  const nowMs = performance.now();
  if (offer.callsPerSecond !== undefined && nowMs < endMs) {
    const due = Math.floor(((nowMs - beginMs) / 1000) * offer.callsPerSecond);
    for (; counts.offered < due; counts.offered++) {
      queue.push(beginMs + (counts.offered / offer.callsPerSecond) * 1000);
    }
  }
  if (offer.inFlight !== undefined && nowMs < endMs) {
    for (let missing = offer.inFlight - open - (queue.length - first); missing > 0; missing--) {
      queue.push(nowMs);
      counts.offered++;
    }
  }
  for (; first < queue.length && nowMs - (queue[first] ?? 0) > patienceMs; first++) {
    counts.unsent++;
  }
  while (first < queue.length) {
    const connection = freeConnection();
    if (connection === undefined) {
      break;
    }
    open++;
    connection.send(queue[first++] ?? nowMs);
  }
  if (first > 100_000) {
    queue.splice(0, first);
    first = 0;
  }
  for (const connection of connections) {
    connection.flush();
  }
  if (nowMs < endMs + patienceMs && (nowMs < endMs || open > 0 || first < queue.length)) {
    if (offer.inFlight === undefined) {
      setTimeout(tick, 1);
    } else {
      setImmediate(tick);
    }
    return;
  }
  finish();
}

function freeConnection(): RawConnection | undefined {
  for (let tries = 0; tries < connections.length; tries++) {
    const connection = connections[turn++ % connections.length];
    if (connection?.free) {
      return connection;
    }
  }
  return undefined;
}

function finish(): void {
  tookMs.sort((a, b) => a - b);
  const at = (share: number) => tookMs[Math.floor(tookMs.length * share)] ?? Number.NaN;
  // Calls that are still open count as late.
  const result: Yield = { ...counts, late: counts.late + open, good: tookMs.length, p50Ms: at(0.5), p99Ms: at(0.99) };
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

tick();
