import type {
  DescMessage,
  DescMethod,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
} from "@bufbuild/protobuf";
import type { ContextValues, StreamResponse, Transport, UnaryResponse } from "@connectrpc/connect";
import { callContextKey } from "../call/call-context.ts";
import { methodPolicy } from "../contract/method-policy.ts";
import type { Environment } from "../environment/environment.ts";
import { callHeader, type MetadataInit } from "./call-header.ts";

/**
 * The outermost layer of a client: what a call takes from its contract and from the call that it is made for. The deadline is the
 * contract's, cut to what the caller asked for; metadata carries the incoming call's request id, trace and caller on.
 */
export class CallTransport implements Transport {
  readonly #next: Transport;
  readonly #environment: Environment;
  readonly #defaultTimeoutMs: number;

  constructor(next: Transport, environment: Environment, { defaultTimeoutMs }: { readonly defaultTimeoutMs: number }) {
    this.#next = next;
    this.#environment = environment;
    this.#defaultTimeoutMs = defaultTimeoutMs;
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: MetadataInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: ContextValues,
  ): Promise<UnaryResponse<I, O>> {
    return this.#next.unary(
      method,
      signal,
      timeLimitMs(method, timeoutMs) ?? this.#defaultTimeoutMs,
      callHeader(header, contextValues?.get(callContextKey), this.#environment),
      input,
      contextValues,
    );
  }

  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: MetadataInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: ContextValues,
  ): Promise<StreamResponse<I, O>> {
    return this.#next.stream(
      method,
      signal,
      timeLimitMs(method, timeoutMs),
      callHeader(header, contextValues?.get(callContextKey), this.#environment),
      input,
      contextValues,
    );
  }
}

function timeLimitMs(method: DescMethod, askedMs: number | undefined): number | undefined {
  const contractMs = methodPolicy(method).timeoutMs;
  if (askedMs === undefined) {
    return contractMs;
  }
  return contractMs === undefined ? askedMs : Math.min(askedMs, contractMs);
}
