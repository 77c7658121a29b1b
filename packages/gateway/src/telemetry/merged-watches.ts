import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import {
  type Call,
  type ProcessDependencies,
  type SilentProcess,
  SilentProcessSchema,
  type TelemetryService,
  type WatchCallsRequest,
  WatchCallsRequestSchema,
  type WatchCallsResponse,
  WatchCallsResponseSchema,
} from "@parley/gen/rpc/v1/telemetry_pb.js";
import { type Clock, sleep } from "@parley/rpc";
import type { TelemetrySource } from "./telemetry-sources.ts";

export interface MergedWatchesOptions {
  readonly sources: () => Promise<readonly TelemetrySource[]>;
  readonly clock: Clock;
}

export interface WatchOptions {
  readonly own: ServiceImpl<typeof TelemetryService>;
  readonly context: HandlerContext;
  /** The caller's credentials. */
  readonly headers: readonly (readonly [string, string])[];
}

/** How often the replicas are looked up again, and a process that could not be watched is tried again, in milliseconds. */
const renewMs = 1_000;
/** The most calls buffered for a slow reader. Further ones are dropped and counted. */
const bufferedMax = 2_048;
/** The most calls in one response. */
const batchMax = 256;
/** How long calls are gathered before they are sent together, in milliseconds. */
const gatherMs = 50;

/**
 * Watches all processes at once. Readers with equal requests share one stream from each process, so that many open pages cost the
 * services no more than one.
 */
export class MergedWatches {
  readonly #options: MergedWatchesOptions;
  readonly #shared = new Map<string, SharedWatch>();

  constructor(options: MergedWatchesOptions) {
    this.#options = options;
  }

  async *watch(
    request: WatchCallsRequest,
    { own, context, headers }: WatchOptions,
  ): AsyncGenerator<WatchCallsResponse> {
    const reader = new Reader();
    const key = `${Buffer.from(toBinary(WatchCallsRequestSchema, request)).toString("base64")} ${JSON.stringify(headers)}`;
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      shared = new SharedWatch(request, { ...this.#options, own, context, headers });
      this.#shared.set(key, shared);
    }
    shared.add(reader);
    const { signal } = context;
    const wake = () => reader.wake();
    signal.addEventListener("abort", wake);
    try {
      yield create(WatchCallsResponseSchema, {
        silentChanged: true,
        silent: shared.silent,
        dependenciesChanged: true,
        dependencies: [...shared.dependencies],
      });
      while (!signal.aborted) {
        await reader.waiting();
        await sleep(this.#options.clock, gatherMs, signal).catch(() => {});
        if (reader.failure !== undefined) {
          throw reader.failure;
        }
        yield reader.take();
      }
    } finally {
      signal.removeEventListener("abort", wake);
      shared.delete(reader);
      if (shared.isIdle) {
        shared.close();
        this.#shared.delete(key);
      }
    }
  }
}

/** The calls and changes that were not sent to one reader yet. */
class Reader {
  failure: ConnectError | undefined;
  #calls: Call[] = [];
  #lost = 0n;
  #silent: readonly SilentProcess[] | undefined;
  #dependencies: readonly ProcessDependencies[] | undefined;
  #wake: (() => void) | undefined;

  add(calls: readonly Call[], lost: bigint): void {
    const room = bufferedMax - this.#calls.length;
    this.#calls.push(...calls.slice(0, room));
    this.#lost += lost + BigInt(Math.max(0, calls.length - room));
    this.wake();
  }

  reportSilent(silent: readonly SilentProcess[]): void {
    this.#silent = silent;
    this.wake();
  }

  reportDependencies(dependencies: readonly ProcessDependencies[]): void {
    this.#dependencies = dependencies;
    this.wake();
  }

  wake(): void {
    this.#wake?.();
  }

  async waiting(): Promise<void> {
    const changed = this.#silent ?? this.#dependencies ?? this.failure;
    if (this.#calls.length === 0 && this.#lost === 0n && changed === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  take(): WatchCallsResponse {
    const calls = this.#calls.slice(0, batchMax);
    this.#calls = this.#calls.slice(batchMax);
    const response = create(WatchCallsResponseSchema, {
      calls,
      lostCalls: this.#lost,
      silent: [...(this.#silent ?? [])],
      silentChanged: this.#silent !== undefined,
      dependencies: [...(this.#dependencies ?? [])],
      dependenciesChanged: this.#dependencies !== undefined,
    });
    this.#lost = 0n;
    this.#silent = undefined;
    this.#dependencies = undefined;
    return response;
  }
}

/** The streams from all processes for one request. */
class SharedWatch {
  readonly #request: WatchCallsRequest;
  readonly #options: MergedWatchesOptions & WatchOptions;
  readonly #readers = new Set<Reader>();
  readonly #ended = new AbortController();
  readonly #watched = new Map<string, AbortController>();
  readonly #silent = new Map<string, string>();
  /** By the names of their sources; the gateway's own under the empty name. */
  readonly #dependencies = new Map<string, readonly ProcessDependencies[]>();
  #failure: ConnectError | undefined;

  constructor(request: WatchCallsRequest, options: MergedWatchesOptions & WatchOptions) {
    this.#request = request;
    this.#options = options;
    void this.#watchOwn();
    void this.#renew();
  }

  get silent(): SilentProcess[] {
    return [...this.#silent].sort().map(([process, cause]) => create(SilentProcessSchema, { process, cause }));
  }

  get dependencies(): readonly ProcessDependencies[] {
    return [...this.#dependencies.values()].flat();
  }

  get isIdle(): boolean {
    return this.#readers.size === 0;
  }

  add(reader: Reader): void {
    reader.failure = this.#failure;
    this.#readers.add(reader);
  }

  delete(reader: Reader): void {
    this.#readers.delete(reader);
  }

  close(): void {
    this.#ended.abort();
  }

  async #watchOwn(): Promise<void> {
    const { own, context } = this.#options;
    const { signal } = this.#ended;
    try {
      const ended = { ...context, signal } as HandlerContext;
      for await (const response of own.watchCalls(this.#request, ended) as AsyncIterable<WatchCallsResponse>) {
        this.#deliver(response, "");
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Watches each new replica, and stops watching removed ones. */
  async #renew(): Promise<void> {
    const { sources, clock } = this.#options;
    const { signal } = this.#ended;
    while (!signal.aborted) {
      const known = await sources().catch(() => []);
      const names = new Set(known.map(({ name }) => name));
      for (const [name, watched] of this.#watched) {
        if (!names.has(name)) {
          watched.abort();
          this.#watched.delete(name);
          this.#setSilent(name, undefined);
          this.#setDependencies(name, undefined);
        }
      }
      for (const source of known) {
        if (!this.#watched.has(source.name)) {
          const removed = new AbortController();
          this.#watched.set(source.name, removed);
          void this.#watchSource(source, AbortSignal.any([signal, removed.signal]));
        }
      }
      await sleep(clock, renewMs, signal).catch(() => {});
    }
  }

  async #watchSource({ name, client }: TelemetrySource, signal: AbortSignal): Promise<void> {
    const { clock, headers } = this.#options;
    while (!signal.aborted) {
      try {
        const options = { signal, headers: headers.map(([header, value]): [string, string] => [header, value]) };
        for await (const response of client.watchCalls(this.#request, options)) {
          this.#setSilent(name, undefined);
          this.#deliver(response, name);
        }
      } catch (error) {
        const failure = ConnectError.from(error);
        if (failure.code === Code.PermissionDenied || failure.code === Code.Unauthenticated) {
          this.#fail(failure);
        } else if (!signal.aborted) {
          this.#setSilent(name, failure.message);
          this.#setDependencies(name, undefined);
        }
      }
      await sleep(clock, renewMs, signal).catch(() => {});
    }
  }

  #deliver({ calls, lostCalls, dependencies, dependenciesChanged }: WatchCallsResponse, source: string): void {
    if (dependenciesChanged) {
      this.#setDependencies(source, dependencies);
    }
    if (calls.length > 0 || lostCalls > 0n) {
      for (const reader of this.#readers) {
        reader.add(calls, lostCalls);
      }
    }
  }

  #setDependencies(source: string, dependencies: readonly ProcessDependencies[] | undefined): void {
    if (dependencies === undefined && !this.#dependencies.delete(source)) {
      return;
    }
    if (dependencies !== undefined) {
      this.#dependencies.set(source, dependencies);
    }
    const all = this.dependencies;
    for (const reader of this.#readers) {
      reader.reportDependencies(all);
    }
  }

  #setSilent(process: string, cause: string | undefined): void {
    if (this.#silent.get(process) === cause) {
      return;
    }
    if (cause === undefined) {
      this.#silent.delete(process);
    } else {
      this.#silent.set(process, cause);
    }
    const { silent } = this;
    for (const reader of this.#readers) {
      reader.reportSilent(silent);
    }
  }

  /** If a process refuses the caller, the streams of all readers fail with that error. */
  #fail(error: unknown): void {
    this.#failure = ConnectError.from(error);
    for (const reader of this.#readers) {
      reader.failure = this.#failure;
      reader.wake();
    }
  }
}
