// Runs the platform's own client, with a small heap, against a malicious server. Receives the calls to make, and responds with their
// outcome.
import { Code, ConnectError } from "@connectrpc/connect";
import { ServerReflection } from "@parley/gen/grpc/reflection/v1/reflection_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { ConnectionPool, createServiceClient, type ServiceClientOptions } from "@parley/rpc/client";
import { mainThreadDelayMs } from "../harness/process-probe.ts";

/** The client's protocol, and the calls that it makes. */
export interface ClientCalls {
  readonly url: string;
  readonly protocol: "grpc" | "grpc-web" | "connect";
  readonly httpVersion: "1.1" | "2";
  readonly codec: "proto" | "json";
  readonly method: "unary" | "stream" | "bidi";
  readonly concurrent: number;
  readonly timeoutMs: number;
}

export interface ClientOutcome {
  /** The longest time that a call lasted beyond its deadline, in milliseconds. */
  readonly overrunMs: number;
  /** The same, minus the time for which this process waited for a core. */
  readonly overrunOwnMs: number;
  /** The codes of the calls, by name. */
  readonly codes: readonly string[];
}

process.on("message", async (message: { readonly calls?: ClientCalls }) => {
  if (message.calls !== undefined) process.send?.({ outcome: await callAll(message.calls) });
});
process.on("disconnect", () => process.exit());
// The loop monitor unrefs the channel, but nothing else keeps this process alive.
process.channel?.ref();

async function callAll(calls: ClientCalls): Promise<ClientOutcome> {
  const environment = systemEnvironment({ name: "hostile-client", logLevel: "silent" });
  const pool = new ConnectionPool(environment);
  const { protocol, httpVersion, codec, url } = calls;
  const options: ServiceClientOptions = { environment, pool, protocol, httpVersion, codec, acceptGzip: true };
  const clients = {
    products: createServiceClient(ProductService, url, options),
    inventory: createServiceClient(InventoryService, url, options),
    reflection: createServiceClient(ServerReflection, url, options),
  };
  const outcomes = await Promise.all(Array.from({ length: calls.concurrent }, () => timed(clients, calls)));
  pool.close();
  return {
    overrunMs: Math.max(...outcomes.map(({ overrunMs }) => overrunMs)),
    overrunOwnMs: Math.max(...outcomes.map(({ overrunOwnMs }) => overrunOwnMs)),
    codes: [...new Set(outcomes.map(({ code }) => code))],
  };
}

type Clients = {
  readonly products: ReturnType<typeof createServiceClient<typeof ProductService>>;
  readonly inventory: ReturnType<typeof createServiceClient<typeof InventoryService>>;
  readonly reflection: ReturnType<typeof createServiceClient<typeof ServerReflection>>;
};

async function timed(clients: Clients, { method, timeoutMs }: ClientCalls) {
  const startMs = performance.now();
  const startDelayMs = mainThreadDelayMs(process.pid);
  const code = await call(clients, { method, timeoutMs }).then(
    () => "OK",
    (error: unknown) => (error instanceof ConnectError ? (Code[error.code] ?? "?") : String(error)),
  );
  const overrunMs = performance.now() - startMs - timeoutMs;
  return { code, overrunMs, overrunOwnMs: overrunMs - (mainThreadDelayMs(process.pid) - startDelayMs) };
}

async function call(clients: Clients, { method, timeoutMs }: Pick<ClientCalls, "method" | "timeoutMs">): Promise<void> {
  if (method === "unary") {
    await clients.products.listProducts({ pageSize: 100 }, { timeoutMs });
  } else if (method === "stream") {
    for await (const _ of clients.inventory.watchStock({}, { timeoutMs })) void _;
  } else {
    for await (const _ of clients.reflection.serverReflectionInfo(questions(timeoutMs), { timeoutMs })) void _;
  }
}

/** Sends one request and keeps the stream open beyond its deadline. */
async function* questions(timeoutMs: number) {
  yield { messageRequest: { case: "listServices" as const, value: "" } };
  await new Promise((resolve) => setTimeout(resolve, timeoutMs + 1_000).unref());
}
