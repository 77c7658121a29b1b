import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ConnectError, ContextValues, HandlerContext } from "@connectrpc/connect";
import type { GuardedCall } from "../../access/guarded-call.ts";
import type { CallContext, Caller } from "../../call/call-context.ts";
import { requestIdHeader, requestIdOf } from "../../call/request-id.ts";
import { childTrace, type Trace } from "../../call/trace.ts";
import type { Environment } from "../../environment/environment.ts";
import type { Linked } from "../../environment/linked-list.ts";
import type { BatchedCall, EndedCall } from "../../telemetry/ended-call.ts";
import type { PlaceHolders } from "../admission/place-budget.ts";
import { CallValues, outgoingContext } from "./call-values.ts";
import type { IncomingCall, Settled } from "./incoming-call.ts";
import { deadlineExceeded, streamAgeReached } from "./limit-errors.ts";
import type { MethodRuntime } from "./method-runtime.ts";

/**
 * One call in flight, and its implementation's view of it. Whatever costs something (headers, signal, ids) is made only
 * when it is asked for.
 */
export class ServerCall implements HandlerContext, EndedCall, GuardedCall, Linked<ServerCall> {
  readonly runtime: MethodRuntime;
  readonly incoming: IncomingCall;
  /** When it began, by the clock's `monotonic`. */
  readonly startMs: number;
  /** When it must have been answered, by the same clock. Infinity for never. */
  readonly deadlineMs: number;
  /** The authenticated caller, once {@link identified}. */
  caller: Caller | undefined;
  /** Settles once the caller is identified, counted and permitted to call the method. Undefined if that is done already. */
  identified: Promise<void> | undefined;
  /** The address that a door of the platform heard the call from, where one proved that it passed it on. */
  forwardedFor: string | undefined;
  /** Who holds its place among the server's, if it has one. */
  placeHolders: PlaceHolders | undefined;
  /** When it took its place, by the clock's `monotonic`. */
  begunMs = 0;
  /** When its implementation had answered, by the same clock. */
  answeredMs = 0;
  /** When it is cut off, by the same clock: at its deadline, or sooner at the maximum age of a stream. */
  endMs: number;
  /** Its link in the list of calls in flight, managed by the list. */
  previous: ServerCall | undefined;
  next: ServerCall | undefined;
  listed = false;
  /** The call, also for those who see it through an object that only adds to it. */
  readonly self: ServerCall = this;
  /** The calls that this one carries, where it is a batch. */
  batched: readonly BatchedCall[] | undefined;
  request: unknown;
  response: unknown;
  requestMessages = 0;
  responseMessages = 0;
  readonly #environment: Environment;
  #requestId: string | undefined;
  #trace: Trace | undefined;
  #context: CallContext | undefined;
  #values: CallValues | undefined;
  #controller: AbortController | undefined;
  #aborted: ConnectError | undefined;
  #ended = false;
  /** Who waits. Nearly always one at a time; the others, where there are any. */
  #waiting: Reject | undefined;
  #othersWaiting: Reject[] | undefined;

  constructor(runtime: MethodRuntime, incoming: IncomingCall, environment: Environment) {
    this.runtime = runtime;
    this.incoming = incoming;
    this.#environment = environment;
    this.startMs = environment.clock.monotonic();
    const timeoutMs = Math.min(incoming.timeoutMs ?? Number.POSITIVE_INFINITY, runtime.timeoutMs);
    this.deadlineMs = this.startMs + timeoutMs;
    this.endMs = this.deadlineMs;
  }

  get method(): DescMethod {
    return this.runtime.method;
  }

  get service(): DescService {
    return this.runtime.method.parent;
  }

  get requestMethod(): string {
    return this.incoming.requestMethod;
  }

  get protocolName(): string {
    return this.incoming.protocolName;
  }

  get url(): string {
    return this.incoming.url;
  }

  get requestHeader(): Headers {
    return this.incoming.requestHeader;
  }

  get responseHeader(): Headers {
    return this.incoming.responseHeader;
  }

  get responseTrailer(): Headers {
    return this.incoming.responseTrailer;
  }

  get values(): ContextValues {
    this.#values ??= new CallValues(this);
    return this.#values;
  }

  /** What the calls made on behalf of this one carry on. */
  get context(): CallContext {
    this.#context ??= outgoingContext(this);
    return this.#context;
  }

  /** Where the call comes from, for the log and for limits by address. */
  get peer(): string {
    return this.forwardedFor ?? this.incoming.peer;
  }

  get requestId(): string {
    this.#requestId ??= requestIdOf(this.incoming.header(requestIdHeader), this.#environment.newId);
    return this.#requestId;
  }

  get requestIdIfMade(): string | undefined {
    return this.#requestId;
  }

  get trace(): Trace {
    this.#trace ??= childTrace(this.incoming.header("traceparent"), this.#environment);
    return this.#trace;
  }

  /** The trace, if it was asked for: to be logged, or handed on to other calls. */
  get traceIfMade(): Trace | undefined {
    return this.#trace;
  }

  nowMs(): number {
    return this.#environment.clock.monotonic();
  }

  /** Whether spans are recorded. */
  get isRecorded(): boolean {
    return this.#environment.recorder !== undefined;
  }

  /** The span of a part of this call that came with a trace of its own. The same if none is recorded. */
  spanWithin(traceparent: string): string {
    return this.#environment.recorder?.childOf(traceparent) ?? traceparent;
  }

  /** Aborts at the deadline, when the caller goes away, and when the call has ended. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined || this.#ended) {
        this.#controller.abort(this.#aborted ?? callEnded);
      }
    }
    return this.#controller.signal;
  }

  /** Why the call was cut off, if it was: its deadline, its caller or the server. */
  get aborted(): ConnectError | undefined {
    return this.#aborted;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The time left, in milliseconds. Undefined if there is no deadline. */
  timeoutMs(): number | undefined {
    return this.deadlineMs === Number.POSITIVE_INFINITY
      ? undefined
      : this.deadlineMs - this.#environment.clock.monotonic();
  }

  /** Calls back once after `delayMs`, by the call's clock. The answer cancels it. */
  after(delayMs: number, callback: () => void): () => void {
    return this.#environment.clock.after(delayMs, callback);
  }

  /** Settles as `work` does, or rejects as soon as the call is aborted, whichever comes first. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => this.settle(work, { onValue: resolve, onError: reject }));
  }

  /** Tells the first of what `work` comes to and the call's being aborted: {@link race} without a promise of its own. */
  settle<T>(work: Promise<T>, { onValue, onError }: Settled<T>): void {
    if (this.#aborted !== undefined) {
      work.catch(ignoreLateFailure);
      onError(this.#aborted);
      return;
    }
    let waits = true;
    const reject = (reason: unknown) => {
      waits = false;
      onError(reason);
    };
    this.#await(reject);
    work.then(
      (value) => {
        if (waits) {
          this.#stopAwaiting(reject);
          onValue(value);
        }
      },
      (error: unknown) => {
        if (waits) {
          this.#stopAwaiting(reject);
          onError(error);
        }
      },
    );
  }

  /** Calls back with the reason once the call is cut off: at once, if it is already. */
  onAbort(callback: (reason: ConnectError) => void): void {
    if (this.#aborted === undefined) {
      this.#await(callback);
    } else {
      callback(this.#aborted);
    }
  }

  #await(reject: Reject): void {
    if (this.#waiting === undefined) {
      this.#waiting = reject;
    } else {
      this.#othersWaiting ??= [];
      this.#othersWaiting.push(reject);
    }
  }

  #stopAwaiting(reject: Reject): void {
    if (this.#waiting === reject) {
      this.#waiting = undefined;
      return;
    }
    const index = this.#othersWaiting?.indexOf(reject) ?? -1;
    if (index >= 0) {
      this.#othersWaiting?.splice(index, 1);
    }
  }

  /** Whether it was answered or cut off, so that its deadline no longer matters. */
  get settled(): boolean {
    return this.#ended || this.#aborted !== undefined;
  }

  /** Cuts the call off because its time is up: its deadline has passed, or the stream has reached its maximum age. */
  expire(): void {
    this.abort(this.endMs < this.deadlineMs ? streamAgeReached() : deadlineExceeded(this));
  }

  /** Cuts the call off: whatever waits for it is told why. Only the first reason counts. */
  abort(reason: ConnectError): void {
    if (this.#aborted !== undefined || this.#ended) {
      return;
    }
    this.#aborted = reason;
    const waiting = this.#waiting;
    const others = this.#othersWaiting;
    this.#waiting = undefined;
    this.#othersWaiting = undefined;
    waiting?.(reason);
    for (const reject of others ?? []) {
      reject(reason);
    }
    this.#controller?.abort(reason);
  }

  /** Marks the call as answered. False if it was before. */
  end(): boolean {
    if (this.#ended) {
      return false;
    }
    this.#ended = true;
    if (this.#controller !== undefined && this.#aborted === undefined) {
      this.#controller.abort(callEnded);
    }
    return true;
  }
}

type Reject = (reason: ConnectError) => void;

/** Without a reason each signal would make one of its own, with a stack: much of what a short call costs. */
const callEnded = new DOMException("the call has ended", "AbortError");

/** The caller was answered already. */
function ignoreLateFailure(): void {}
