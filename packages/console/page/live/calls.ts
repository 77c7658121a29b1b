import { type Call, CallMark, SpanKind, type WatchCallsResponse } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { signal } from "@preact/signals";
import { named, startMs } from "./call.ts";
import { CallStatistics } from "./call-statistics.ts";
import { brokerOf, putDependencies } from "./dependencies.ts";

/** The maximum number of calls that the page keeps. The oldest are removed first. About 20 MB. */
const rowsMax = 10_000;
/** How often views are updated with new calls, in milliseconds. */
const refreshMs = 150;

/** A call as seen by both sides, as far as they are known. */
export interface CallRow {
  /** Ascending. */
  readonly id: number;
  readonly startMs: number;
  /** The side that is shown: the client's if it is known, because it includes the time that its caller waited. */
  span: Call;
  server: Call | undefined;
  client: Call | undefined;
  /** The text that a search matches, in lower case. */
  text: string;
}

/** Newest last. The array is changed in place: views read it when {@link callsVersion} changes. */
export const rows: CallRow[] = [];
/** Changes when there are new calls, a few times a second at most. */
export const callsVersion = signal(0);
/** The number of calls that the gateway dropped because of its rate limit. */
export const lostCalls = signal(0);
/** The processes whose calls are missing, and why. */
export const silentProcesses = signal<ReadonlyMap<string, string>>(new Map());
export const statistics = new CallStatistics();

/** The known replicas of each process, by id. A restarted replica has a new id. */
export const replicas = signal<ReadonlyMap<string, ReadonlyMap<string, number>>>(new Map());
/** A replica without a report for this long counts as stopped, in milliseconds. */
const replicaAgeMaxMs = 30_000;
const lastReports = new Map<string, Map<string, number>>();

/** The rows whose other side may still arrive, keyed by the span id that both share. */
const bySpan = new Map<string, CallRow>();
let lastId = 0;
let refreshing = false;

export function putCalls(response: WatchCallsResponse): void {
  const { calls, lostCalls: lost, silent, silentChanged } = response;
  lostCalls.value += Number(lost);
  if (response.dependenciesChanged) {
    putDependencies(response.dependencies);
  }
  if (silentChanged) {
    silentProcesses.value = new Map(silent.map(({ process, cause }) => [process, cause]));
  }
  const nowMs = Date.now();
  for (const call of calls) {
    recordReplica(call, nowMs);
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

function recordReplica({ process, replica }: Call, nowMs: number): void {
  if (process !== "" && replica !== "") {
    let known = lastReports.get(process);
    if (known === undefined) {
      known = new Map();
      lastReports.set(process, known);
    }
    known.set(replica, nowMs);
  }
}

function forgetReplicas(nowMs: number): void {
  for (const known of lastReports.values()) {
    for (const [replica, reportedMs] of known) {
      if (nowMs - reportedMs > replicaAgeMaxMs) {
        known.delete(replica);
      }
    }
  }
  replicas.value = new Map(lastReports);
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
  statistics.add(throughBroker(call), false);
}

/** Shows an event as a hop to the broker, and one from the broker. Unchanged without a broker. */
function throughBroker(call: Call): Call {
  if (call.kind !== SpanKind.EVENT_PUBLISH && call.kind !== SpanKind.EVENT_CONSUME) {
    return call;
  }
  const broker = brokerOf(call.process);
  if (broker === undefined) {
    return call;
  }
  return call.kind === SpanKind.EVENT_PUBLISH ? { ...call, to: broker } : { ...call, from: broker };
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
  [CallMark.TRANSPARENT_RETRY]: "transparent retry",
  [CallMark.HEDGE]: "hedge",
  [CallMark.BREAKER_OPEN]: "breaker open",
  [CallMark.RETRY_THROTTLED]: "retries throttled",
  [CallMark.SHED]: "shed",
};

/** The marks of a call, as text. */
export function marksOf({ span, client, server }: CallRow): readonly string[] {
  const marks = new Set([...(client ?? span).marks, ...(server?.marks ?? [])]);
  return [...marks].flatMap((mark) => markWords[mark] ?? []);
}
