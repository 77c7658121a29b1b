import type { DescMethod, DescMethodUnary } from "@bufbuild/protobuf";
import type { StreamResponse, UnaryResponse } from "@connectrpc/connect";
import { batchMethodOf } from "@parley/contract";
import type { Environment } from "../../environment/environment.ts";
import type { CallLayer, OutgoingStream, OutgoingUnary } from "../call/call-layer.ts";
import { waitsForReady } from "../policy/wait-for-ready.ts";
import { BatchQueue, type Schedule } from "./batch-queue.ts";

/**
 * Batches concurrent calls into one request, if the contract names a method for that (`batch_method`): most of what a
 * short call costs is the fixed cost of any call. A call that is alone is sent alone and at once. Outside of deadlines, retries
 * and breaker, which apply to the batch. Calls with their own metadata are sent alone.
 */
export class BatchLayer implements CallLayer {
  readonly #next: CallLayer;
  readonly #environment: Environment;
  readonly #schedule: Schedule;
  readonly #queues = new Map<DescMethod, BatchQueue | undefined>();

  constructor(
    next: CallLayer,
    { environment, schedule }: { readonly environment: Environment; readonly schedule: Schedule },
  ) {
    this.#next = next;
    this.#environment = environment;
    this.#schedule = schedule;
  }

  unary(call: OutgoingUnary): Promise<UnaryResponse> {
    const queue = this.#queueOf(call.method);
    return queue === undefined || call.header !== undefined || waitsForReady(call.contextValues)
      ? this.#next.unary(call)
      : queue.call(call);
  }

  stream(call: OutgoingStream): Promise<StreamResponse> {
    return this.#next.stream(call);
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
