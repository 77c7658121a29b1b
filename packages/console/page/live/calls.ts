import { type Call, CallMark, SpanKind, type WatchCallsResponse } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { signal } from "@preact/signals";
import { named, startMs } from "./call.ts";
import { CallStatistics } from "./call-statistics.ts";

/** The most calls that the page keeps; the oldest go first. About 20 MB. */
const rowsMax = 10_000;
/** How often views look at new calls, in milliseconds. */
const refreshMs = 150;

/** A call as both of its ends saw it, as far as they are known. */
export interface CallRow {
  /** Counts up. */
  readonly id: number;
  readonly startMs: number;
  /** The end that is shown: the client's where it is known, since it counts what its caller waited for. */
  span: Call;
  server: Call | undefined;
  client: Call | undefined;
  /** What a search looks at, in lower case. */
  text: string;
}

/** Newest last. Never replaced as a whole: views read it when {@link callsVersion} changes. */
export const rows: CallRow[] = [];
/** Changes when there are new calls, a few times a second at most. */
export const callsVersion = signal(0);
/** How many calls the gateway left out, since there were too many. */
export const lostCalls = signal(0);
/** Why the calls of some processes are missing. */
export const silentProcesses = signal<ReadonlyMap<string, string>>(new Map());
export const statistics = new CallStatistics();

/** The replicas of each process that were heard of, by their ids. A replica's id lives as long as it does. */
export const replicas = signal<ReadonlyMap<string, ReadonlyMap<string, number>>>(new Map());
/** A replica that was not heard of for this long is gone, in milliseconds. */
const replicaAgeMaxMs = 30_000;
const heard = new Map<string, Map<string, number>>();

/** The rows of which the other end may still come, by the span that ties both together. */
const bySpan = new Map<string, CallRow>();
let lastId = 0;
let refreshing = false;

export function putCalls({ calls, lostCalls: lost, silent, silentChanged }: WatchCallsResponse): void {
  lostCalls.value += Number(lost);
  if (silentChanged) {
    silentProcesses.value = new Map(silent.map(({ process, cause }) => [process, cause]));
  }
  const nowMs = Date.now();
  for (const call of calls) {
    hear(call, nowMs);
    putCall(named(call));
  }
  if (rows.length > rowsMax) {
    for (const row of rows.splice(0, rows.length - rowsMax)) {
      forget(row);
    }
  }
  if (!refreshing && calls.length > 0) {
    refreshing = true;
    setTimeout(() => {
      refreshing = false;
      forgetReplicas(Date.now());
      callsVersion.value += 1;
    }, refreshMs);
  }
}

export function clearCalls(): void {
  rows.length = 0;
  bySpan.clear();
  callsVersion.value += 1;
}

function hear({ process, replica }: Call, nowMs: number): void {
  if (process !== "" && replica !== "") {
    let known = heard.get(process);
    if (known === undefined) {
      known = new Map();
      heard.set(process, known);
    }
    known.set(replica, nowMs);
  }
}

function forgetReplicas(nowMs: number): void {
  for (const known of heard.values()) {
    for (const [replica, heardMs] of known) {
      if (nowMs - heardMs > replicaAgeMaxMs) {
        known.delete(replica);
      }
    }
  }
  replicas.value = new Map(heard);
}

function putCall(call: Call): void {
  if (call.kind === SpanKind.CLIENT || call.kind === SpanKind.SERVER) {
    const link = call.kind === SpanKind.CLIENT ? call.spanId : call.parentSpanId;
    const row = link === "" ? undefined : bySpan.get(link);
    const other = call.kind === SpanKind.CLIENT ? row?.client : row?.server;
    if (row !== undefined && other === undefined) {
      bySpan.delete(link);
      if (call.kind === SpanKind.CLIENT) {
        row.client = call;
        row.span = call;
      } else {
        row.server = call;
      }
      statistics.add(call, row.client !== undefined && row.server !== undefined);
      return;
    }
    const added = addRow(call);
    if (link !== "") {
      bySpan.set(link, added);
    }
    statistics.add(call, false);
    return;
  }
  addRow(call);
  statistics.add(call, false);
}

function addRow(call: Call): CallRow {
  const row: CallRow = {
    id: ++lastId,
    startMs: startMs(call),
    span: call,
    server: call.kind === SpanKind.SERVER ? call : undefined,
    client: call.kind === SpanKind.CLIENT ? call : undefined,
    text: `${call.from} ${call.to} ${call.service} ${call.method} ${call.message} ${call.reason} ${call.traceId} ${call.requestId}`.toLowerCase(),
  };
  rows.push(row);
  return row;
}

function forget(row: CallRow): void {
  for (const key of [row.client?.spanId, row.server?.parentSpanId]) {
    if (key !== undefined && bySpan.get(key) === row) {
      bySpan.delete(key);
    }
  }
}

const markWords: Readonly<Partial<Record<CallMark, string>>> = {
  [CallMark.RETRY]: "retry",
  [CallMark.TRANSPARENT_RETRY]: "sent again",
  [CallMark.HEDGE]: "hedge",
  [CallMark.BREAKER_OPEN]: "breaker open",
  [CallMark.RETRY_THROTTLED]: "retries throttled",
  [CallMark.SHED]: "shed",
};

/** What the client did besides, in words. */
export function marksOf({ span, client, server }: CallRow): readonly string[] {
  const marks = new Set([...(client ?? span).marks, ...(server?.marks ?? [])]);
  return [...marks].flatMap((mark) => markWords[mark] ?? []);
}
