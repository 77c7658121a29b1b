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
 * One call in flight. It is also the context of the implementation. Headers, signal and ids are created on first use.
 */
export class ServerCall implements HandlerContext, EndedCall, GuardedCall, Linked<ServerCall> {
  readonly runtime: MethodRuntime;
  readonly incoming: IncomingCall;
  /** When the call began, by the clock's `monotonic`. */
  readonly startMs: number;
  /** Its deadline, by the same clock. Infinity for none. */
  readonly deadlineMs: number;
  /** The authenticated caller, once {@link identified}. */
  caller: Caller | undefined;
  /** Settles once the caller is authenticated, counted and authorized for the method. Undefined if that is already done. */
  identified: Promise<void> | undefined;
  /** The original client's address, if an authenticated gateway or a trusted proxy forwarded the call. */
  forwardedFor: string | undefined;
  /** The connection and the caller that its place counts for. Undefined if it has none. */
  placeHolders: PlaceHolders | undefined;
  /** When it took its place, by the same clock. */
  begunMs = 0;
  /** When its implementation had returned, by the same clock. */
  answeredMs = 0;
  /** When it is aborted, by the same clock: at its deadline, or earlier at the maximum age of a stream. */
  endMs: number;
  /** Links in the list of calls in flight. Only the list changes them. */
  previous: ServerCall | undefined;
  next: ServerCall | undefined;
  listed = false;
  /** The call itself, also when read through a context that has it as prototype. */
  readonly self: ServerCall = this;
  /** The calls in this one, if it is a batch. */
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
  /** The callbacks for an abort. Nearly always at most one, so the others have a separate list. */
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

  /** The context that is propagated to outgoing calls: request id, trace, baggage and caller. */
  get context(): CallContext {
    this.#context ??= outgoingContext(this);
    return this.#context;
  }

  /** The client's address, for the log and for limits by address. */
  get peer(): string {
    return this.forwardedFor ?? this.incoming.peer;
  }

  /** Who gets an equal part of the event loop's turns (see event-loop-turn.ts): the caller for whom a service calls, or else the connection. */
  get turnOwner(): unknown {
    const { caller, forwardedFor, incoming } = this;
    const user = caller?.kind === "service" ? caller.onBehalfOf : undefined;
    return user === undefined ? (forwardedFor ?? incoming.connection ?? this) : `${user.kind}:${user.id}`;
  }

  get requestId(): string {
    this.#requestId ??= requestIdOf(this.incoming.header(requestIdHeader), this.#environment.newId);
    return this.#requestId;
  }

  get createdRequestId(): string | undefined {
    return this.#requestId;
  }

  get trace(): Trace {
    this.#trace ??= childTrace(this.incoming.header("traceparent"), this.#environment);
    return this.#trace;
  }

  /** The trace, if it was created: for the log, or for outgoing calls. */
  get createdTrace(): Trace | undefined {
    return this.#trace;
  }

  nowMs(): number {
    return this.#environment.clock.monotonic();
  }

  /** Whether spans are recorded. */
  get isRecorded(): boolean {
    return this.#environment.recorder !== undefined;
  }

  /** Whether the trace id leads anywhere if the call succeeds: to a span, or to a line of the access log. */
  get isTraceable(): boolean {
    return this.isRecorded || this.#environment.log.isLevelEnabled("info");
  }

  /** The span of a part of this call that has its own `traceparent`. Returns `traceparent` if no spans are recorded. */
  spanWithin(traceparent: string): string {
    return this.#environment.recorder?.childOf(traceparent) ?? traceparent;
  }

  /** Aborts at the deadline, when the caller cancels or disconnects, and when the call has ended. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined || this.#ended) {
        this.#controller.abort(this.#aborted ?? callEnded);
      }
    }
    return this.#controller.signal;
  }

  /** The reason if the call was aborted: by its deadline, its caller or the server. */
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

  /** Calls back once after `delayMs`, by the call's clock. The result cancels it. */
  after(delayMs: number, callback: () => void): () => void {
    return this.#environment.clock.after(delayMs, callback);
  }

  /** Settles as `work` does, or rejects as soon as the call is aborted, whichever comes first. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => this.settle(work, { onValue: resolve, onError: reject }));
  }

  /** Like {@link race}, with callbacks instead of another promise. */
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

  /** Calls back with the reason when the call is aborted; synchronously if it already is. */
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

  /** Whether the call was answered or aborted, so that its deadline no longer matters. */
  get settled(): boolean {
    return this.#ended || this.#aborted !== undefined;
  }

  /** Aborts the call because its deadline has passed, or the stream has reached its maximum age. */
  expire(): void {
    this.abort(this.endMs < this.deadlineMs ? streamAgeReached() : deadlineExceeded(this));
  }

  /** Aborts the call, with the reason for everything that waits for it. Later reasons are ignored. */
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

  /** Marks the call as answered. False if it already was. */
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

/** Shared, since a signal without a reason creates a DOMException with a stack, a large part of a short call's cost. */
const callEnded = new DOMException("the call has ended", "AbortError");

/** The caller already has its response, so later errors are dropped. */
function ignoreLateFailure(): void {}
