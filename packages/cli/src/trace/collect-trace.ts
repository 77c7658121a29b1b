import { setTimeout as wait } from "node:timers/promises";
import type { SequenceCall } from "../render/sequence-steps.ts";

/** A service that keeps its last calls. */
export interface TracedService {
  readonly name: string;
  readonly url: string;
}

/** What a service tells of a call, see `GET /traces/{traceId}` of the runtime. */
interface TracedCall {
  readonly service: string;
  readonly method: string;
  readonly caller: string;
  readonly startTimeMs: number;
  readonly durationMs: number;
  readonly code: string;
}

export interface CollectedTrace {
  /** In the order in which they began, the first at 0. */
  readonly calls: readonly SequenceCall[];
  /** The services that told nothing, and why. */
  readonly silent: readonly string[];
}

/** How long one service may take to answer, in milliseconds. */
const answerMaxMs = 2_000;
/** Between two questions to the services. */
const pauseMs = 100;

/**
 * Asks every service for its calls of a trace, again and again until `isWhole` says that nothing is missing or `waitMaxMs`
 * have passed: what follows from an order goes on after its answer.
 */
export async function collectTrace(
  traceId: string,
  { services, isWhole, waitMaxMs }: CollectOptions,
): Promise<CollectedTrace> {
  const endMs = performance.now() + waitMaxMs;
  let trace = await askAll(traceId, services);
  while (!isWhole(trace.calls) && performance.now() < endMs) {
    await wait(pauseMs);
    trace = await askAll(traceId, services);
  }
  return trace;
}

export interface CollectOptions {
  readonly services: readonly TracedService[];
  readonly isWhole: (calls: readonly SequenceCall[]) => boolean;
  readonly waitMaxMs: number;
}

async function askAll(traceId: string, services: readonly TracedService[]): Promise<CollectedTrace> {
  const told = await Promise.all(services.map(async (service) => ({ service, answer: await ask(traceId, service) })));
  const calls = told.flatMap(({ service, answer }) =>
    typeof answer === "string" ? [] : answer.map((call) => ({ ...call, to: service.name })),
  );
  const silent = told.flatMap(({ service, answer }) =>
    typeof answer === "string" ? [`${service.name}: ${answer}`] : [],
  );
  return { calls: inSequence(calls, services), silent };
}

async function ask(traceId: string, { url }: TracedService): Promise<readonly TracedCall[] | string> {
  try {
    const response = await fetch(new URL(`/traces/${traceId}`, url), { signal: AbortSignal.timeout(answerMaxMs) });
    if (response.status === 404) {
      return "keeps no calls, as where AUTH=required";
    }
    if (!response.ok) {
      return `answered ${response.status}`;
    }
    return ((await response.json()) as { calls: readonly TracedCall[] }).calls;
  } catch (error) {
    return error instanceof Error ? `cannot be asked (${error.message})` : "cannot be asked";
  }
}

/**
 * The calls on one scale that begins with the call from outside. The services' clocks may differ a little: nothing can have
 * begun before that one, so what seems to is moved there.
 */
function inSequence(
  calls: readonly (TracedCall & { readonly to: string })[],
  services: readonly TracedService[],
): readonly SequenceCall[] {
  const sorted = [...calls].sort((one, other) => one.startTimeMs - other.startTimeMs);
  const known = new Set(services.map(({ name }) => name));
  const first = sorted.find(({ caller }) => !known.has(caller)) ?? sorted[0];
  const beginMs = first?.startTimeMs ?? 0;
  return sorted
    .map(({ caller, to, service, method, startTimeMs, durationMs, code }) => ({
      from: known.has(caller) ? caller : "you",
      to,
      service,
      method,
      startMs: Math.max(0, startTimeMs - beginMs),
      durationMs,
      code,
    }))
    .sort((one, other) => one.startMs - other.startMs || Number(one.from !== "you") - Number(other.from !== "you"));
}
