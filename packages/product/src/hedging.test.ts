import { clearExtension, clone, create, createFileRegistry, type DescService, setExtension } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { HedgingPolicySchema, hedging, retry } from "@parley/gen/rpc/v1/options_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import { implementPartly, type RunningServer, serve } from "@parley/rpc/server";
import { afterEach, expect, test } from "vitest";

const items = [{ productId: "101", quantity: 1 }];
/** With 20 calls, the chance that one of two replicas is the first choice of none is one in a million. */
const calls = 20;

const servers: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A replica. A stuck one answers no read before the caller cancels it. */
async function startReplica({ isStuck }: { readonly isStuck: boolean }) {
  const seen = { checks: 0, reads: 0, aborted: 0 };
  async function answer(signal: AbortSignal): Promise<void> {
    if (!isStuck) return;
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    seen.aborted++;
  }
  const environment = systemEnvironment({ name: "product", logLevel: "silent" });
  const inventory = implementPartly(InventoryService, {
    async checkStock(_, { signal }) {
      seen.checks++;
      await answer(signal);
      return { available: true };
    },
  });
  const products = implementPartly(ProductService, {
    async getProduct({ productId }, { signal }) {
      seen.reads++;
      await answer(signal);
      return { product: { id: productId } };
    },
  });
  const config = { limits: {}, drainNoticeMs: 0, shutdownGraceMs: 500 };
  const server = await serve({ entries: [inventory, products] }, { name: "product", environment, config });
  servers.push(server);
  return { url: server.url, seen };
}

function clients(...targets: readonly string[]) {
  const environment = systemEnvironment({ name: "shop", logLevel: "silent" });
  const connection = { balancing: "least_request" } as const;
  const client = <S extends DescService>(service: S) =>
    createServiceClient(service, targets.join(","), { environment, connection });
  return { inventory: client(InventoryService), products: client(ProductService), environment };
}

test("CheckStock is answered although one of two replicas never answers, and the call to that replica is cancelled", async () => {
  const [stuck, well] = [await startReplica({ isStuck: true }), await startReplica({ isStuck: false })];
  const { inventory, environment } = clients(stuck.url, well.url);
  let answered = 0;
  for (let call = 0; call < calls; call++) {
    const { available } = await inventory.checkStock({ items }).catch(() => ({ available: false }));
    if (available) answered++;
  }
  expect(stuck.seen.checks).toBeGreaterThan(0);
  // On a busy machine some calls may exceed their deadline. Without hedging, all calls to the stuck replica would.
  expect(answered).toBeGreaterThan(calls - stuck.seen.checks);
  await expect.poll(() => stuck.seen.aborted, { timeout: 10_000 }).toBe(stuck.seen.checks);
  expect(await environment.metrics.metrics()).toMatch(/grpc_client_call_hedges_total\{[^}]*CheckStock[^}]*\} [1-9]/);
});

test("a read without hedging waits for the stuck replica until its deadline", async () => {
  const [stuck, well] = [await startReplica({ isStuck: true }), await startReplica({ isStuck: false })];
  const { products } = clients(stuck.url, well.url);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 4 }, () => products.getProduct({ productId: "101" }, { timeoutMs: 500 })),
  );
  expect(outcomes.some(({ status }) => status === "rejected")).toBe(true);
  expect(well.seen.reads + stuck.seen.reads).toBeGreaterThanOrEqual(4);
});

test("hedging of UpdateStock, which may not be repeated, is refused when a client or a server is created", async () => {
  const environment = systemEnvironment({ name: "shop", logLevel: "silent" });
  const service = withHedgingOf("UpdateStock");
  const refusal = /UpdateStock.*idempotency_level/s;
  expect(() => createServiceClient(service, "http://127.0.0.1:1", { environment })).toThrow(refusal);
  const module = { entries: [implementPartly(service, {})] };
  await expect(serve(module, { name: "product", environment, config: { limits: {} } })).rejects.toThrow(refusal);
});

/** InventoryService with hedging in place of the retries of one of its methods. */
function withHedgingOf(methodName: string): DescService {
  const { proto, dependencies } = InventoryService.file;
  const file = clone(FileDescriptorProtoSchema, proto);
  const options = file.service[0]?.method.find(({ name }) => name === methodName)?.options;
  if (options === undefined) throw new Error(`no method ${methodName}`);
  clearExtension(options, retry);
  setExtension(options, hedging, create(HedgingPolicySchema, { maxAttempts: 2 }));
  const registry = createFileRegistry(file, (path) => dependencies.find(({ proto: { name } }) => name === path));
  return registry.getService(InventoryService.typeName) as DescService;
}
