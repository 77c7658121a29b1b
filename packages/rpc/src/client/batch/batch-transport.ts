import type {
  DescMessage,
  DescMethod,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
} from "@bufbuild/protobuf";
import type { ContextValues, StreamResponse, Transport, UnaryResponse } from "@connectrpc/connect";
import { batchMethodOf } from "@parley/contract";
import type { Environment } from "../../environment/environment.ts";
import type { MetadataInit } from "../call-header.ts";
import { waitsForReady } from "../policy/wait-for-ready.ts";
import { BatchQueue, type Schedule } from "./batch-queue.ts";

/**
 * Sends calls that are under way together as one, where the contract names a method for that (`batch_method`): most of what a
 * short call costs is what any call costs. A call that is alone goes by itself and at once. Stands outside of deadlines, retries
 * and breaker, which are then the batch's. Calls with metadata of their own go by themselves.
 */
export class BatchTransport implements Transport {
  readonly #next: Transport;
  readonly #environment: Environment;
  readonly #schedule: Schedule;
  readonly #queues = new Map<DescMethod, BatchQueue | undefined>();

  constructor(
    next: Transport,
    { environment, schedule }: { readonly environment: Environment; readonly schedule: Schedule },
  ) {
    this.#next = next;
    this.#environment = environment;
    this.#schedule = schedule;
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: MetadataInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: ContextValues,
  ): Promise<UnaryResponse<I, O>> {
    const queue = this.#queueOf(method);
    if (queue === undefined || header !== undefined || waitsForReady(contextValues)) {
      return this.#next.unary(method, signal, timeoutMs, header, input, contextValues);
    }
    return queue.call({ signal, timeoutMs, input, contextValues }) as Promise<UnaryResponse<I, O>>;
  }

  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: MetadataInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: ContextValues,
  ): Promise<StreamResponse<I, O>> {
    return this.#next.stream(method, signal, timeoutMs, header, input, contextValues);
  }

  #queueOf(method: DescMethodUnary): BatchQueue | undefined {
    if (!this.#queues.has(method)) {
      const batchMethod = batchMethodOf(method);
      const { clock, random } = this.#environment;
      const options = { next: this.#next, clock, random, schedule: this.#schedule };
      this.#queues.set(method, batchMethod && new BatchQueue({ method, batchMethod, ...options }));
    }
    return this.#queues.get(method);
  }
}
