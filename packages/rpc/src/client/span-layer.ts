import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type ContextValues, type StreamResponse, type UnaryResponse } from "@connectrpc/connect";
import type { CallOrigin } from "@parley/gen/rpc/v1/batch_pb.js";
import { type CallContext, callContextKey } from "../call/call-context.ts";
import { spanOfOutgoing } from "../call/call-tracing.ts";
import { childTrace } from "../call/trace.ts";
import type { Environment } from "../environment/environment.ts";
import { callMarks, type SpanRecorder, spanKinds } from "../environment/spans/span-recorder.ts";
import { failure } from "../telemetry/recorder/server-span.ts";
import { deliveryStatusOf } from "./call/attempt-outcome.ts";
import { checkedHeader } from "./call/call-header.ts";
import type { CallLayer, OutgoingStream, OutgoingUnary } from "./call/call-layer.ts";
import { isDiagnostic, nameOfProcess } from "./call/called-process.ts";
import type { OutgoingSpan, OutgoingSpans } from "./outgoing-spans.ts";

export interface SpanLayerOptions {
  readonly environment: Environment;
  readonly recorder: SpanRecorder;
  readonly spans: OutgoingSpans;
  /** The process that calls. */
  readonly process: string;
}

/**
 * Creates a span for each call, whose trace context the call carries. Twice in a client: outside of batches, for the calls in them,
 * and inside, for the batches; a call that has its span passes. Only in clients whose environment has a recorder.
 */
export class SpanLayer implements CallLayer {
  readonly #next: CallLayer;
  readonly #options: SpanLayerOptions;

  constructor(next: CallLayer, options: SpanLayerOptions) {
    this.#next = next;
    this.#options = options;
  }

  unary(call: OutgoingUnary): Promise<UnaryResponse> {
    const context = call.contextValues?.get(callContextKey);
    if (context?.outgoingSpan !== undefined || isDiagnostic(call.method.parent)) {
      return this.#next.unary(call);
    }
    const begun = this.#begin(call, context, call.input);
    const { method, signal, timeoutMs, input } = call;
    const { header, contextValues } = begun;
    return this.#next.unary({ method, signal, timeoutMs, header, contextValues, input }).then(
      (response) => {
        this.#end(begun, undefined, 1);
        return response;
      },
      (error: unknown) => {
        this.#end(begun, ConnectError.from(error), 0);
        throw error;
      },
    );
  }

  async stream(call: OutgoingStream): Promise<StreamResponse> {
    const context = call.contextValues?.get(callContextKey);
    if (context?.outgoingSpan !== undefined || isDiagnostic(call.method.parent)) {
      return this.#next.stream(call);
    }
    const begun = this.#begin(call, context, undefined);
    const { header, contextValues } = begun;
    try {
      const response = await this.#next.stream({ ...call, header, contextValues });
      return { ...response, message: this.#counted(response.message, begun) } as StreamResponse;
    } catch (error) {
      this.#end(begun, ConnectError.from(error), 0);
      throw error;
    }
  }

  #begin({ method, header, contextValues }: OutgoingUnary | OutgoingStream, ...[context, input]: BeginInput): Begun {
    const { environment, recorder, spans } = this.#options;
    const given = header === undefined ? undefined : checkedHeader(header);
    const parent = given?.find(([name]) => name === "traceparent")?.[1] ?? spanOfOutgoing(context);
    const origins = originsOf(input);
    const made = childTrace(parent, environment).traceparent;
    const traceparent = origins.some(isSampled) ? `${made.slice(0, -2)}01` : made;
    const requestId = context?.requestId ?? environment.newId();
    const span: OutgoingSpan = { traceparent, startMs: environment.clock.monotonic(), attempts: 0, failed: undefined };
    spans.open(span);
    const values = new SpanValues(contextValues, {
      ...(context ?? { requestId, traceparent }),
      outgoingSpan: traceparent,
    });
    return {
      span,
      parent,
      origins,
      requestId,
      method,
      contextValues: values,
      header: withTrace(given, traceparent),
      recorder,
    };
  }

  #end({ span, parent, origins, requestId, method }: Begun, error: ConnectError | undefined, messages: number): void {
    const { environment, recorder, spans, process } = this.#options;
    spans.close(span);
    const nowMs = environment.clock.monotonic();
    const other = nameOfProcess(method.parent);
    const failed = failure(error);
    recorder.record({
      ...failed,
      kind: spanKinds.client,
      process,
      other,
      method,
      protocol: "grpc",
      traceparent: span.traceparent,
      parent,
      startMs: span.startMs,
      latencyMs: nowMs - span.startMs,
      requestId,
      attempts: span.attempts,
      batchSize: origins.length,
      links: origins,
      deadlineLeftMs: span.deadlineLeftMs,
      marks:
        deliveryStatusOf(error) === "breaker-open"
          ? [callMarks.breakerOpen]
          : span.attempts > 1
            ? [callMarks.retry]
            : [],
      requestMessages: 1,
      responseMessages: messages,
    });
    if (span.attempts > 1) {
      spans.recordAttempts(span, { process, other, method, requestId, recorder });
    }
  }

  /** The messages of a stream, counted, with its end recorded. A caller that stops reading cancels it. */
  #counted(messages: AsyncIterable<unknown>, begun: Begun): AsyncIterable<unknown> {
    return {
      [Symbol.asyncIterator]: () => {
        const iterator = messages[Symbol.asyncIterator]();
        let count = 0;
        let ended = false;
        const end = (error?: ConnectError) => {
          if (!ended) {
            ended = true;
            this.#end(begun, error, count);
          }
        };
        return {
          next: () =>
            iterator.next().then(
              (result) => {
                if (result.done === true) {
                  end();
                } else {
                  count++;
                }
                return result;
              },
              (error: unknown) => {
                end(ConnectError.from(error));
                throw error;
              },
            ),
          return: async (value) => {
            end(new ConnectError("the caller stopped reading", Code.Canceled));
            await iterator.return?.();
            return { done: true, value };
          },
        };
      },
    };
  }
}

type BeginInput = [context: CallContext | undefined, input: MessageInitShape<DescMessage> | undefined];

interface Begun {
  readonly span: OutgoingSpan;
  readonly parent: string | undefined;
  /** The spans of the calls inside, if it is a batch. */
  readonly origins: readonly string[];
  readonly requestId: string;
  readonly method: OutgoingUnary["method"] | OutgoingStream["method"];
  readonly contextValues: ContextValues;
  readonly header: OutgoingUnary["header"];
  readonly recorder: SpanRecorder;
}

/** The trace contexts of the calls in a batch's request. */
function originsOf(input: MessageInitShape<DescMessage> | undefined): readonly string[] {
  const { origins } = (input ?? {}) as { readonly origins?: readonly CallOrigin[] };
  return Array.isArray(origins)
    ? (origins as readonly CallOrigin[])
        .map(({ traceparent }) => traceparent)
        .filter((traceparent) => traceparent !== "")
    : [];
}

function isSampled(traceparent: string): boolean {
  return traceparent.endsWith("1");
}

/** The caller's own metadata, with this trace context instead of its own. */
function withTrace(given: ReturnType<typeof checkedHeader> | undefined, traceparent: string): OutgoingUnary["header"] {
  if (given === undefined || !given.some(([name]) => name === "traceparent")) {
    return given;
  }
  const header = checkedHeader(undefined);
  for (const [name, value] of given) {
    header.push([name, name === "traceparent" ? traceparent : value]);
  }
  return header;
}

type Key<T> = Parameters<ContextValues["get"]>[0] & { readonly defaultValue: T };

/** A call's context values with another {@link CallContext}. */
class SpanValues implements ContextValues {
  readonly #given: ContextValues | undefined;
  #context: CallContext;

  constructor(given: ContextValues | undefined, context: CallContext) {
    this.#given = given;
    this.#context = context;
  }

  get<T>(key: Key<T>): T {
    if (key.id === callContextKey.id) {
      return this.#context as T;
    }
    return this.#given === undefined ? key.defaultValue : this.#given.get(key);
  }

  set<T>(key: Key<T>, value: T): this {
    if (key.id === callContextKey.id) {
      this.#context = value as CallContext;
    } else {
      this.#given?.set(key, value);
    }
    return this;
  }

  delete(key: Key<unknown>): this {
    this.#given?.delete(key);
    return this;
  }
}
