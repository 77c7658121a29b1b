import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { methodPolicy } from "@parley/contract";
import type { Environment } from "../environment/environment.ts";
import { AttemptSpanLayer } from "./attempt-span-layer.ts";
import { BatchLayer } from "./batch/batch-layer.ts";
import type { Schedule } from "./batch/batch-queue.ts";
import { type CallLayer, layerOf, transportOf } from "./call/call-layer.ts";
import type { Channel, ChannelOptions } from "./connection/channel.ts";
import { type ConnectionPool, sharedPool } from "./connection/connection-pool.ts";
import { ContextLayer } from "./context-layer.ts";
import { interceptedLayer } from "./interceptor-layer.ts";
import { OutgoingSpans } from "./outgoing-spans.ts";
import { AttemptLayer } from "./policy/attempt-layer.ts";
import type { BreakerOptions } from "./policy/breaker.ts";
import { DeadlineLayer } from "./policy/deadline-layer.ts";
import { HedgingLayer } from "./policy/hedging-layer.ts";
import { RetryLayer } from "./policy/retry-layer.ts";
import { TargetState } from "./policy/target-state.ts";
import { SpanLayer } from "./span-layer.ts";
import type { WireTransportOptions } from "./wire/wire-options.ts";
import { createWireLayer } from "./wire/wire-transport.ts";

/** Options of a client. */
export interface ServiceClientOptions extends Omit<WireTransportOptions, "userAgent"> {
  readonly environment: Environment;
  /** The client's name for the server's log: part of `user-agent`. */
  readonly callerName?: string;
  /** The target's name in metrics, messages and errors. Default: the target's URL, or `memory:` and the service's name. */
  readonly targetName?: string;
  /** The deadline of a unary call without one in contract and call. Default 30,000. */
  readonly defaultTimeoutMs?: number;
  /** Thresholds of the target's circuit breaker. All clients of a target share one; the first one's options apply. */
  readonly breaker?: BreakerOptions;
  /** Options for making and keeping connections, TLS included. */
  readonly connection?: ChannelOptions;
  /** The connections to use. Default: those that the process shares. */
  readonly pool?: ConnectionPool;
  /** Run around each call, once whatever the number of attempts; the first is the outermost. Default: none, which is fastest. */
  readonly interceptors?: readonly Interceptor[];
  /**
   * When concurrent calls are batched, for methods with a batch method. Default: on the next event-loop turn for a
   * URL; never for a transport that is passed in.
   */
  readonly batchSchedule?: Schedule;
}

/**
 * The typed client of a service, with its contract's policies: deadline, retries, and the target's breaker.
 *
 * `target` is a URL (`http:`, or none before `host:port`, is HTTP/2 in clear text, `https:` HTTP/2 by ALPN), several with commas between them,
 * `dns:///name:port`, `srv:///_grpc._tcp.name` (docs/discovery.md), or a Connect transport, for example one in memory, which gets the same policies
 * with the environment's clock and randomness.
 *
 * A call's `timeoutMs` of 0 or less has no time left, and fails at once. Throws a `TypeError` for an invalid target, and a `PolicyError`
 * for a contract that contradicts itself (hedging of a method that may not be repeated).
 */
export function createServiceClient<S extends DescService>(
  service: S,
  target: string | Transport,
  options: ServiceClientOptions,
): Client<S> {
  for (const method of service.methods) {
    // A contract that contradicts itself is refused here, and not by the first call.
    methodPolicy(method);
  }
  return createClient(service, createServiceTransport(target, { ...options, ...memoryName(service, target, options) }));
}

/** The transport of {@link createServiceClient}, for use with another client. */
export function createServiceTransport(target: string | Transport, options: ServiceClientOptions): Transport {
  const { environment, defaultTimeoutMs = 30_000, interceptors = [] } = options;
  const [channel, base] = innermost(target, options);
  const state = targetState(target, options, channel);
  const spans = spanLayers(options);
  const attempt = new AttemptLayer(spans.ofAttempts(base), state, environment.clock);
  const retry = new RetryLayer(attempt, state, environment);
  const hedging = new HedgingLayer(retry, state, environment);
  const call = spans.ofCalls(new ContextLayer(retry, state, { environment, defaultTimeoutMs, hedging }));
  const schedule = options.batchSchedule ?? (typeof target === "string" ? setImmediate : undefined);
  const batch = schedule === undefined ? call : spans.ofCalls(new BatchLayer(call, { environment, schedule }));
  return transportOf(
    interceptors.length === 0 ? batch : interceptedLayer(batch, { interceptors, baseUrl: state.name }),
  );
}

/** The layers that record calls and their attempts: none if the environment has no recorder. */
function spanLayers({ environment, callerName: process = "client" }: ServiceClientOptions) {
  const { recorder } = environment;
  if (recorder === undefined) {
    return { ofCalls: (layer: CallLayer) => layer, ofAttempts: (layer: CallLayer) => layer };
  }
  const spans = new OutgoingSpans();
  return {
    ofCalls: (layer: CallLayer) => new SpanLayer(layer, { environment, recorder, spans, process }),
    ofAttempts: (layer: CallLayer) => new AttemptSpanLayer(layer, spans, environment),
  };
}

/** The layer that sends calls, and the channel that it sends them on, if there is one. */
function innermost(
  target: string | Transport,
  options: ServiceClientOptions,
): readonly [channel: Channel | undefined, layer: CallLayer] {
  const { environment, connection, pool = sharedPool(environment) } = options;
  if (typeof target !== "string") {
    return [undefined, new DeadlineLayer(layerOf(target), environment.clock)];
  }
  const http2 = connection?.http2 ?? environment.http2;
  const channel = pool.channel(target, { ...connection, ...(http2 === undefined ? {} : { http2 }) });
  return [channel, wireLayer(channel, options)];
}

function wireLayer(channel: Channel, options: ServiceClientOptions): CallLayer {
  const { environment, callerName } = options;
  const userAgent = callerName === undefined ? userAgentName : `${callerName} ${userAgentName}`;
  return createWireLayer(channel, environment.clock, { ...options, userAgent });
}

const userAgentName = "parley-rpc/0.1";

function memoryName(service: DescService, target: string | Transport, { targetName }: ServiceClientOptions) {
  return typeof target === "string" || targetName !== undefined ? {} : { targetName: `memory:${service.typeName}` };
}

/** One address that stalls fails many calls in a row; it is ejected, and the others continue. The breaker is for the target as a whole. */
const balancedBreaker: BreakerOptions = { consecutiveFailures: Number.POSITIVE_INFINITY };

const states = new WeakMap<Environment, Map<string | Transport, TargetState>>();

function targetState(
  target: string | Transport,
  { environment, targetName, breaker }: ServiceClientOptions,
  channel: Channel | undefined,
): TargetState {
  let known = states.get(environment);
  if (known === undefined) {
    known = new Map();
    states.set(environment, known);
  }
  let state = known.get(target);
  if (state === undefined) {
    const options = channel?.isBalanced ? { ...balancedBreaker, ...breaker } : breaker;
    state = new TargetState(targetName ?? (typeof target === "string" ? target : "memory"), environment, {
      breaker: options,
      addresses: channel === undefined ? undefined : () => channel.addresses(),
    });
    known.set(target, state);
  }
  return state;
}
