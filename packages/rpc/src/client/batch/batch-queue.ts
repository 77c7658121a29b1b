import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type UnaryResponse } from "@connectrpc/connect";
import { type MethodPolicy, methodPolicy } from "@parley/contract";
import type { Status } from "@parley/gen/google/rpc/status_pb.js";
import type { CallOrigin } from "@parley/gen/rpc/v1/batch_pb.js";
import { callContextKey } from "../../call/call-context.ts";
import { childSpan } from "../../call/trace.ts";
import { sleep } from "../../environment/clock.ts";
import type { Environment } from "../../environment/environment.ts";
import { errorOfStatus } from "../../protocol/grpc-status.ts";
import { deliveryStatusOf, isOwnTimer, markDeliveryStatus, markOwnTimer, neverSent } from "../call/attempt-outcome.ts";
import { deadlinePassed } from "../call/call-end.ts";
import type { CallLayer, OutgoingUnary } from "../call/call-layer.ts";
import { retryWaitMs } from "../policy/retry-decision.ts";

/** The most calls of one batch. A batch's response waits for all of them, and so does the server's commit. */
export const batchSizeMax = 32;
/**
 * Batches in flight at which further calls wait for the end of one, and so for each other. With one, either side would be idle
 * while the other works; with many, each would be small.
 */
export const batchesUnderWay = 4;
/** A call waits no longer than this for others, in milliseconds, whatever the state of the batches in flight. */
export const gatherMsMax = 5;
/** How much later than its own deadline a call may fail, instead of having a timer of its own. */
const deadlineSlackMs = 50;
/** How long no batch is sent to a server without batch methods, in milliseconds: a newer release may replace it. */
const unknownMs = 60_000;

/** Calls back on a later event-loop turn, so that the calls of one packet are batched. */
export type Schedule = (callback: () => void) => void;

export interface BatchQueueOptions extends Pick<Environment, "clock" | "random"> {
  readonly next: CallLayer;
  readonly method: DescMethodUnary;
  readonly batchMethod: DescMethodUnary;
  readonly schedule: Schedule;
}

/** The waiting calls of one method. Bounded by the limits of their callers. */
export class BatchQueue {
  readonly #options: BatchQueueOptions;
  readonly #policy: MethodPolicy;
  #waiting: Waiting[] = [];
  #underWay = 0;
  #scheduled = false;
  #gathering = false;
  #unknownUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: BatchQueueOptions) {
    this.#options = options;
    this.#policy = methodPolicy(options.method);
  }

  call(call: OutgoingUnary): Promise<UnaryResponse> {
    return new Promise((resolve, reject) => {
      const timeoutMs = Math.min(
        call.timeoutMs ?? Number.POSITIVE_INFINITY,
        this.#policy.timeoutMs ?? Number.POSITIVE_INFINITY,
      );
      this.#waiting.push({ call, deadlineMs: this.#options.clock.monotonic() + timeoutMs, resolve, reject });
      this.#wake();
    });
  }

  #wake(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#options.schedule(this.#turn);
    }
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    while (this.#waiting.length > 0 && (this.#underWay < batchesUnderWay || this.#waiting.length >= batchSizeMax)) {
      this.#send(this.#take());
    }
    if (this.#waiting.length > 0 && !this.#gathering) {
      this.#gathering = true;
      this.#options.clock.after(gatherMsMax, this.#enough);
    }
  };

  /** Some calls have waited long enough: the batches in flight may never end. */
  readonly #enough = (): void => {
    this.#gathering = false;
    if (this.#waiting.length > 0) {
      this.#send(this.#take());
    }
    if (this.#waiting.length > 0) {
      this.#wake();
    }
  };

  /** The calls that wait longest, and are cancelled together: a batch has one signal. */
  #take(): readonly Waiting[] {
    const signal = this.#waiting[0]?.call.signal;
    let count = 0;
    while (count < batchSizeMax && count < this.#waiting.length && this.#waiting[count]?.call.signal === signal) {
      count++;
    }
    const batch = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return batch;
  }

  #send(batch: readonly Waiting[]): void {
    this.#underWay++;
    const alone = batch.length === 1 || this.#options.clock.monotonic() < this.#unknownUntilMs;
    const ended = alone ? Promise.all(batch.map((waiting) => this.#sendAlone(waiting))) : this.#sendTogether(batch);
    ended.then(() => {
      this.#underWay--;
      if (this.#waiting.length > 0) {
        this.#wake();
      }
    });
  }

  #sendAlone({ call, deadlineMs, resolve, reject }: Waiting): Promise<void> {
    return this.#options.next.unary({ ...call, timeoutMs: this.#timeLeftMs(deadlineMs) }).then(resolve, reject);
  }

  /** A retry of a call that was sent in a batch, which may have processed it, whatever the outcome of the retry. */
  #sendAgain(waiting: Waiting): Promise<void> {
    const reject = (error: unknown) =>
      waiting.reject(neverSent(error) ? markDeliveryStatus(error as object, "unknown") : error);
    return this.#sendAlone({ ...waiting, reject });
  }

  #sendTogether(batch: readonly Waiting[]): Promise<void> {
    const { next, batchMethod } = this.#options;
    const lastMs = batch.reduce((last, { deadlineMs }) => Math.max(last, deadlineMs), 0);
    const cancelTimers = batch.flatMap((waiting) => this.#timerFor(waiting, lastMs));
    const input = {
      requests: batch.map(({ call }) => call.input),
      origins: batch.map(({ call }) => this.#originOf(call)),
    } as MessageInitShape<DescMessage>;
    return next
      .unary({
        method: batchMethod,
        signal: batch[0]?.call.signal,
        timeoutMs: this.#timeLeftMs(lastMs),
        header: undefined,
        contextValues: undefined,
        input,
      })
      .then(
        (response) => this.#answerEach(batch, response),
        (error: unknown) => this.#failAll(batch, ConnectError.from(error)),
      )
      .then(() => {
        for (const cancel of cancelTimers) {
          cancel();
        }
      });
  }

  /** The deadline of the batch is the latest of its calls'. Calls with much less time have a timer. */
  #timerFor({ deadlineMs, reject }: Waiting, lastMs: number): readonly (() => void)[] {
    if (deadlineMs >= lastMs - deadlineSlackMs) {
      return [];
    }
    const expire = () => reject(deadlinePassed());
    return [this.#options.clock.after(this.#timeLeftMs(deadlineMs) ?? 0, expire)];
  }

  #originOf({ contextValues }: OutgoingUnary): Omit<CallOrigin, "$typeName"> {
    const context = contextValues?.get(callContextKey);
    return context === undefined
      ? { requestId: "", traceparent: "" }
      : {
          requestId: context.requestId,
          traceparent: context.outgoingSpan ?? childSpan(context.traceparent, this.#options),
        };
  }

  #answerEach(batch: readonly Waiting[], response: UnaryResponse): Promise<unknown> | undefined {
    const { method, clock } = this.#options;
    const { results } = response.message as unknown as { readonly results: readonly { readonly result: Result }[] };
    const again: Promise<void>[] = [];
    batch.forEach((waiting, index) => {
      const result = results[index]?.result;
      if (result?.case === "response") {
        waiting.resolve({ ...response, method, message: result.value } as UnaryResponse);
        return;
      }
      const error = result?.case === "error" ? errorOfStatus(result.value) : noResult();
      const waitMs = this.#retryWaitMs(error);
      if (waitMs !== undefined && clock.monotonic() + waitMs < waiting.deadlineMs) {
        again.push(sleep(clock, waitMs).then(() => this.#sendAgain(waiting)));
      } else {
        waiting.reject(markDeliveryStatus(error, "answered"));
      }
    });
    return again.length === 0 ? undefined : Promise.all(again);
  }

  /** The wait before the retry of a call with this error in a batch. Undefined for no retry. */
  #retryWaitMs({ code }: ConnectError): number | undefined {
    const { retry } = this.#policy;
    return retry?.codes.has(code) ? retryWaitMs(retry, 1, this.#options.random) : undefined;
  }

  #failAll(batch: readonly Waiting[], error: ConnectError): Promise<unknown> | undefined {
    if (error.code === Code.Unimplemented) {
      this.#unknownUntilMs = this.#options.clock.monotonic() + unknownMs;
    }
    if (refusesTheBatch.has(error.code)) {
      return Promise.all(batch.map((waiting) => this.#sendAgain(waiting)));
    }
    for (const { reject } of batch) {
      reject(copyOf(error));
    }
    return undefined;
  }

  #timeLeftMs(deadlineMs: number): number | undefined {
    return deadlineMs === Number.POSITIVE_INFINITY ? undefined : deadlineMs - this.#options.clock.monotonic();
  }
}

/** Codes that concern the batch, and not its calls: one of them may be invalid, or they are too many. */
const refusesTheBatch: ReadonlySet<Code> = new Set([Code.Unimplemented, Code.InvalidArgument, Code.OutOfRange]);

interface Waiting {
  readonly call: OutgoingUnary;
  /** By the monotonic clock. Infinity for none. */
  readonly deadlineMs: number;
  readonly resolve: (response: UnaryResponse) => void;
  readonly reject: (error: unknown) => void;
}

type Result =
  | { readonly case: "response"; readonly value: unknown }
  | { readonly case: "error"; readonly value: Status }
  | { readonly case: undefined };

function noResult(): ConnectError {
  return new ConnectError("the batch has no result for this call", Code.Internal);
}

/** Each caller gets its own error, since layers above may change it. */
function copyOf(error: ConnectError): ConnectError {
  const copy = new ConnectError(error.rawMessage, error.code, error.metadata, undefined, error.cause);
  copy.details = [...error.details];
  return markDeliveryStatus(isOwnTimer(error) ? markOwnTimer(copy) : copy, deliveryStatusOf(error));
}
