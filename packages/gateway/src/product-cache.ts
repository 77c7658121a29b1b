import { type DescMessage, type DescMethod, type Message, toBinary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Client, Interceptor, UnaryResponse } from "@connectrpc/connect";
import { methodPolicy } from "@parley/contract";
import type { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { Caller } from "@parley/gen/rpc/v1/options_pb.js";
import { type Clock, type Environment, sleep } from "@parley/rpc";
import { LRUCache } from "lru-cache";

/** Caches product reads for a moment. */
export interface ProductCache {
  /** Wraps the clients of the product, inventory and order services: answers reads, and clears the cache on changes. */
  readonly interceptor: Interceptor;
  /** Clears the cache with each change of stock that the service reports, until the signal aborts. */
  watch(inventory: Client<typeof InventoryService>, signal: AbortSignal): Promise<void>;
}

/**
 * The longest age of an answer: a change through this gateway clears the cache before its caller is answered, and a change of
 * stock made elsewhere as soon as the service reports it. This is the limit for all other changes, and while the watch is broken.
 */
export const productAgeMaxMs = 1_000;

/** The most cached answers. A second of traffic over a large catalogue; at 50 products a page, some tens of megabytes at most. */
const answersMax = 1_000;

/** Public reads, with the same answer for every caller. If a contract closes one to the public, it is no longer cached. */
const cachedMethods: ReadonlySet<DescMethod> = new Set(
  [ProductService.method.getProduct, ProductService.method.listProducts, ProductService.method.batchGetProducts].filter(
    (method) => methodPolicy(method).access.caller === Caller.PUBLIC,
  ),
);

/** The wait between two attempts to watch, in milliseconds. */
const watchAgainMs = 1_000;

interface CachedResponse {
  readonly response: UnaryResponse;
  readonly endMs: number;
}

/** Creates an empty cache. */
export function createProductCache(environment: Pick<Environment, "clock" | "log">): ProductCache {
  const { clock, log } = environment;
  const answers = new LRUCache<string, CachedResponse>({ max: answersMax });
  // The number of clears: a read that began before a change must not be cached after it.
  let generation = 0;
  function empty() {
    generation++;
    answers.clear();
  }

  const interceptor: Interceptor = (next) => async (request) => {
    if (!cachedMethods.has(request.method)) {
      const changes = request.method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS && !request.stream;
      // Cleared afterwards, too, whatever the outcome: a failed call may have taken effect.
      return changes ? next(request).finally(empty) : next(request);
    }
    const key = keyOf(request.method, request.message as Message);
    const cached = fresh(answers.get(key), clock);
    if (cached !== undefined) {
      return cached;
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
        log.debug({ err }, "product cache cannot watch the stock");
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

function fresh(cached: CachedResponse | undefined, clock: Clock): UnaryResponse | undefined {
  return cached !== undefined && cached.endMs > clock.monotonic() ? cached.response : undefined;
}
