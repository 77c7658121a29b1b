import { type DescMessage, type DescMethod, type Message, toBinary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Client, Interceptor, UnaryResponse } from "@connectrpc/connect";
import { methodPolicy } from "@parley/contract";
import type { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { Caller } from "@parley/gen/rpc/v1/options_pb.js";
import { type Clock, type Environment, sleep } from "@parley/rpc";
import { LRUCache } from "lru-cache";

/** Answers about products, kept for a moment. */
export interface ProductCache {
  /** Goes around calls to the product, inventory and order services: answers reads, and empties the cache on changes. */
  readonly interceptor: Interceptor;
  /** Empties the cache with each change of stock that the service tells of, until the signal aborts. */
  watch(inventory: Client<typeof InventoryService>, signal: AbortSignal): Promise<void>;
}

/**
 * How stale an answer can be: a change through this door empties the cache before its caller is answered, and a change of
 * stock made elsewhere as soon as the service tells of it. This bounds all others, and what happens while it cannot tell.
 */
export const productAgeMaxMs = 1_000;

/** Answers kept at once. A second of traffic over a large catalogue; at 50 products a page, some tens of megabytes at most. */
const answersMax = 1_000;

/** Reads that answer everybody the same. Should a contract close one to the public, it is no longer kept. */
const cachedMethods: ReadonlySet<DescMethod> = new Set(
  [ProductService.method.getProduct, ProductService.method.listProducts, ProductService.method.batchGetProducts].filter(
    (method) => methodPolicy(method).access.caller === Caller.PUBLIC,
  ),
);

/** Between two attempts to watch, in milliseconds. */
const watchAgainMs = 1_000;

interface Kept {
  readonly response: UnaryResponse;
  readonly endMs: number;
}

/** Makes an empty cache. */
export function createProductCache(environment: Pick<Environment, "clock" | "log">): ProductCache {
  const { clock, log } = environment;
  const answers = new LRUCache<string, Kept>({ max: answersMax });
  // Counts the times it was emptied: a read that began before a change must not be kept after it.
  let generation = 0;
  function empty() {
    generation++;
    answers.clear();
  }

  const interceptor: Interceptor = (next) => async (request) => {
    if (!cachedMethods.has(request.method)) {
      const changes = request.method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS && !request.stream;
      // Emptied afterwards, too, and whatever comes of it: a call that failed may have taken effect.
      return changes ? next(request).finally(empty) : next(request);
    }
    const key = keyOf(request.method, request.message as Message);
    const kept = fresh(answers.get(key), clock);
    if (kept !== undefined) {
      return kept;
    }
    const began = generation;
    const response = await next(request);
    if (began === generation && !response.stream) {
      answers.set(key, { response, endMs: clock.monotonic() + productAgeMaxMs });
    }
    return response;
  };

  async function watch(inventory: Client<typeof InventoryService>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const _change of inventory.watchStock({}, { signal })) {
          empty();
        }
      } catch (err) {
        if (signal.aborted) {
          return;
        }
        log.debug({ err }, "the product cache cannot watch the stock");
      }
      empty();
      await sleep(clock, watchAgainMs, signal).catch(() => {});
    }
  }

  return { interceptor, watch };
}

function keyOf(method: DescMethod, message: Message): string {
  return `${method.name}:${Buffer.from(toBinary(method.input as DescMessage, message)).toString("latin1")}`;
}

function fresh(kept: Kept | undefined, clock: Clock): UnaryResponse | undefined {
  return kept !== undefined && kept.endMs > clock.monotonic() ? kept.response : undefined;
}
