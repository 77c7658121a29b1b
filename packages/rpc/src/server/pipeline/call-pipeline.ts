import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { methodPolicy } from "@parley/contract";
import type { AccessControl } from "../../access/guarded-call.ts";
import { isCurrentCallWanted, iteratedWithinCall, withinCall } from "../../call/current-call.ts";
import { Deadlines } from "../../environment/deadlines.ts";
import type { Environment } from "../../environment/environment.ts";
import { createCallLog } from "../../telemetry/access-log.ts";
import { createCallMetrics } from "../../telemetry/call-metrics.ts";
import { type Admission, createAdmission } from "../admission/admission.ts";
import { faultsInjected, injectFault } from "../admission/injected-faults.ts";
import { MethodPace } from "../admission/method-pace.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import type { TrustedProxies } from "../http/trusted-proxies.ts";
import type { Many, Single, SingleToMany } from "./call-kinds.ts";
import type { CallPipelineOptions } from "./call-pipeline-options.ts";
import { type CountCall, checkCaller } from "./caller-check.ts";
import { toCallerError } from "./error-mapping.ts";
import { completeError } from "./explain-error.ts";
import type { IncomingCall, Settled } from "./incoming-call.ts";
import { type MethodOptions, type MethodRuntime, placeKindOf, recordEnd } from "./method-runtime.ts";
import { runUnary, untilAborted } from "./run-implementation.ts";
import { ServerCall } from "./server-call.ts";
import { exceededLimit } from "./validation/decode-errors.ts";
import { validateMessage } from "./validation/validation.ts";

/** An implementation of any kind of method. */
type Implementation = (input: unknown, call: ServerCall) => unknown;

/**
 * The server's work around each call of any protocol: `open`, then one method for the call's kind, then `close` exactly once.
 *
 * The order of the checks. By the headers alone, before the body is read: deadline, load, identity, rate limit, role. `open` starts them, and
 * {@link ServerCall.identified} settles when they are done. Then the caller of this class reads and decodes the request within the decode budget.
 * Then the method for the call's kind runs the concurrency limit, the contract's rules, the owner check, and the implementation.
 */
export class CallPipeline {
  readonly #environment: Environment;
  readonly #limits: ServerLimits;
  readonly #access: AccessControl | undefined;
  readonly #rate: CountCall | undefined;
  readonly #proxies: TrustedProxies | undefined;
  readonly #explainErrors: boolean;
  readonly #reasonDomain: string | undefined;
  readonly #errorHelpUrl: string | undefined;
  readonly #name: string;
  readonly #metrics;
  readonly #admission: Admission;
  readonly #open: Deadlines<ServerCall>;

  constructor({
    environment,
    limits,
    authorize,
    rate,
    trustedProxies,
    trustedConnections,
    explainErrors = true,
    reasonDomain,
    errorHelpUrl,
    name = "server",
  }: CallPipelineOptions) {
    this.#name = name;
    this.#reasonDomain = reasonDomain;
    this.#errorHelpUrl = errorHelpUrl;
    this.#explainErrors = explainErrors;
    this.#environment = environment;
    this.#open = new Deadlines<ServerCall>(environment.clock);
    this.#limits = limits;
    this.#access = authorize;
    this.#rate = rate;
    this.#proxies = trustedProxies;
    this.#metrics = createCallMetrics(environment.metrics);
    this.#admission = createAdmission(limits, {
      metrics: this.#metrics,
      // With access control a gateway must authenticate, see `ServerCall.forwardedFor`.
      trustsForwarded: authorize === undefined,
      trusted: trustedConnections,
    });
  }

  /** Creates the runtime data of a method, see {@link MethodRuntime}. */
  method(method: DescMethod, { exempt = false, quiet = exempt }: MethodOptions = {}): MethodRuntime {
    const unbounded = method.methodKind !== "unary" ? Number.POSITIVE_INFINITY : this.#limits.unaryTimeoutMs;
    return {
      method,
      timeoutMs: methodPolicy(method).timeoutMs ?? unbounded,
      exempt,
      reasonSource: {
        domain: this.#reasonDomain ?? method.parent.file.proto.package,
        helpUrl: this.#errorHelpUrl,
      },
      quiet,
      placeKind: placeKindOf(method, { exempt, quiet }),
      pace: new MethodPace({ queueTimeMaxMs: this.#limits.queueAgeMaxMs }),
      metrics: this.#metrics.method(`${method.parent.typeName}/${method.name}`),
      log: this.#environment.log.child({ service: method.parent.typeName, method: method.name }),
      logCall: createCallLog(this.#environment.log, method),
    };
  }

  /** Runs an implementation in the scope of its call, so that spans recorded in it belong to the call. Unchanged if no spans are recorded. */
  scoped(method: DescMethod, implementation: Implementation): Implementation {
    if (this.#environment.recorder === undefined || !isCurrentCallWanted()) {
      return implementation;
    }
    const within: Implementation = (input, call) => withinCall(call.self, implementation, input, call);
    return method.methodKind === "unary" || method.methodKind === "client_streaming"
      ? within
      : (input, call) => iteratedWithinCall(call.self, within(input, call) as AsyncIterable<unknown>);
  }

  /** Creates a call. It is not counted until it is opened. */
  call(runtime: MethodRuntime, incoming: IncomingCall): ServerCall {
    return new ServerCall(runtime, incoming, this.#environment);
  }

  /** The calls that are open. */
  get openCalls(): Iterable<ServerCall> & { readonly size: number } {
    return this.#open;
  }

  /**
   * Counts the call, and starts the checks that need its headers alone. Throws if a check fails synchronously. If the caller's token must be
   * verified first, {@link ServerCall.identified} rejects instead. Do not decode the body before it has settled.
   */
  open(call: ServerCall): void {
    call.runtime.metrics.started();
    this.#open.add(call);
    if (!call.runtime.exempt) {
      this.#metrics.inFlight.value++;
    }
    if (call.deadlineMs <= call.startMs) {
      call.expire();
      throw toCallerError(call, call.aborted);
    }
    this.#admission.check(call);
    if (call.runtime.exempt) {
      return;
    }
    const { incoming } = call;
    if (this.#proxies?.trusts(incoming.peer) === true) {
      call.forwardedFor = this.#proxies.clientOf(incoming.peer, incoming.header("x-forwarded-for"));
    }
    checkCaller(call, { access: this.#access, rate: this.#rate });
  }

  /** See {@link Admission}. For requests that are refused before a call is created. */
  get admission(): Admission {
    return this.#admission;
  }

  /** Counts, logs and records how the call ended. Does nothing on a second call. */
  close(call: ServerCall, error?: ConnectError): void {
    if (!call.end()) {
      return;
    }
    this.#open.delete(call);
    this.#admission.release(call);
    if (!call.runtime.exempt) {
      this.#metrics.inFlight.value--;
    }
    const nowMs = call.answeredMs > 0 ? call.answeredMs : this.#environment.clock.monotonic();
    const latencyMs = nowMs - call.startMs;
    if (error === undefined && call.begunMs > 0) {
      call.runtime.pace.answered(nowMs - call.begunMs, nowMs);
    }
    recordEnd(call, { error, latencyMs, process: this.#name, recorder: this.#environment.recorder });
    // The call lives on until its response is sent, which may take long. The encoded response is enough for that.
    call.request = undefined;
    call.response = undefined;
  }

  /** Completes an error for its caller, see {@link completeError}. Call it before the error is written. */
  explain(call: ServerCall, error: ConnectError): void {
    const limit = exceededLimit(error);
    if (limit !== undefined) {
      this.#metrics.exceeded(limit).value++;
    }
    completeError(error, call, this.#explainErrors);
  }

  /** Runs a unary call. Rejects with the error for the caller. */
  unary<I extends Message, O>(call: ServerCall, single: Single<I, O>): Promise<O> {
    return new Promise((resolve, reject) => this.unaryTo(call, single, { onValue: resolve, onError: reject }));
  }

  /** Like {@link unary}, with callbacks instead of a promise. They are called synchronously if nothing is asynchronous. */
  unaryTo<I extends Message, O>(call: ServerCall, single: Single<I, O>, receiver: Settled<O>): void {
    let permission: Promise<void> | undefined;
    try {
      permission = this.admitMessage(call, single.request);
    } catch (error) {
      receiver.onError(toCallerError(call, error));
      return;
    }
    if (permission === undefined) {
      runUnary(call, single, { receiver, clock: this.#environment.clock });
    } else {
      permission.then(
        () => runUnary(call, single, { receiver, clock: this.#environment.clock }),
        (error: unknown) => receiver.onError(toCallerError(call, error)),
      );
    }
  }

  /** Runs a server-streaming call. */
  async *serverStream<I extends Message, O>(
    call: ServerCall,
    { request, handle }: SingleToMany<I, O>,
  ): AsyncGenerator<O> {
    try {
      await this.admitMessage(call, request);
      yield* untilAborted(call, handle(request, call));
    } catch (error) {
      throw toCallerError(call, error);
    }
  }

  /** Runs a client-streaming call. */
  async clientStream<I extends Message, O>(call: ServerCall, { requests, handle }: Many<I, Promise<O>>): Promise<O> {
    try {
      await call.identified;
      this.admit(call);
      return await call.race(handle(this.#admitEach(call, requests), call));
    } catch (error) {
      throw toCallerError(call, error);
    }
  }

  /** Runs a bidirectional streaming call. */
  async *bidiStream<I extends Message, O>(
    call: ServerCall,
    { requests, handle }: Many<I, AsyncIterable<O>>,
  ): AsyncGenerator<O> {
    try {
      await call.identified;
      this.admit(call);
      yield* untilAborted(call, handle(this.#admitEach(call, requests), call));
    } catch (error) {
      throw toCallerError(call, error);
    }
  }

  /** The checks before an implementation gets a request of one message. Returns a promise only if a check is asynchronous. */
  admitMessage(call: ServerCall, message: Message): Promise<void> | undefined {
    return call.identified === undefined
      ? this.#check(call, message)
      : call.identified.then(() => this.#check(call, message));
  }

  #check(call: ServerCall, message: Message): Promise<void> | undefined {
    this.admit(call);
    const checked = this.checkMessage(call, message);
    if (!faultsInjected() || call.runtime.exempt) {
      return checked;
    }
    const inject = () => injectFault(call, this.#environment);
    return checked === undefined ? inject() : checked.then(inject);
  }

  /** Takes a place of the concurrency limit, and starts a stream's maximum age. Throws if the call was aborted or has ended. */
  admit(call: ServerCall): void {
    const nowMs = this.#environment.clock.monotonic();
    if (!call.runtime.pace.canAnswerWithin(call.deadlineMs - nowMs, nowMs)) {
      this.#metrics.shed("deadline-near");
      call.expire();
    }
    if (call.aborted !== undefined || call.ended) {
      // The caller cancelled while the request was read. A place taken now would never be released.
      throw call.aborted ?? new ConnectError("The call has ended.", Code.Canceled);
    }
    this.#admission.admit(call);
    call.begunMs = nowMs;
    if (call.method.methodKind !== "unary" && this.#limits.streamAgeMaxMs > 0) {
      // 10 % of jitter, so that streams that began together do not all reconnect together.
      const ageMs = this.#limits.streamAgeMaxMs * (0.9 + 0.2 * this.#environment.random());
      call.endMs = Math.min(call.deadlineMs, nowMs + ageMs);
      this.#open.reschedule(call);
    }
  }

  /** Checks a request, or the first message of a stream: the contract's rules, then the owner. Returns a promise only if a check is asynchronous. */
  checkMessage(call: ServerCall, message: Message): Promise<void> | undefined {
    call.request = message;
    call.requestMessages++;
    validateMessage(call.method.input, message);
    if (this.#access === undefined || call.runtime.exempt) {
      return undefined;
    }
    const owned = this.#access.checkOwner(call, call.caller, message);
    return owned === undefined ? undefined : call.race(owned);
  }

  async *#admitEach<I extends Message>(call: ServerCall, requests: AsyncIterable<I>): AsyncGenerator<I> {
    let first = true;
    for await (const message of untilAborted(call, requests)) {
      if (first) {
        await this.checkMessage(call, message);
        first = false;
      } else {
        validateMessage(call.method.input, message);
      }
      yield message;
    }
  }
}
