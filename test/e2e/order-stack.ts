import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Client } from "@connectrpc/connect";
import type { Order } from "@parley/gen/order/v1/order_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** How long a service may take to start, in milliseconds: it takes half a second, on a busy machine many times that. */
const startMaxMs = 20_000;

/** A service in a process of its own, which can be ended and started again at the same address with the same data. */
export interface ServiceProcess {
  readonly url: string;
  /** Starts it and waits until it serves. `env` is added to what it always gets. */
  start(env?: Readonly<Record<string, string>>): Promise<void>;
  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void;
  /** Waits for its end; the exit code, or null where a signal ended it. */
  ended(): Promise<number | null>;
  /** What it has logged so far. */
  output(): string;
}

/** The services that an order needs, each its own process, and clients of them. */
export interface OrderStack {
  readonly user: ServiceProcess;
  readonly product: ServiceProcess;
  readonly order: ServiceProcess;
  readonly orders: Client<typeof OrderService>;
  readonly products: Client<typeof ProductService>;
  readonly inventory: Client<typeof InventoryService>;
  stockOf(productId: string): Promise<number>;
  /** Every order there is, newest first. */
  allOrders(): Promise<readonly Order[]>;
  /** Ends what runs and removes the data. */
  dispose(): Promise<void>;
}

/** Starts user, product and order with sample data. `orderMain` stands in for the order service's own `main.ts`. */
export async function startOrderStack(orderMain = "packages/order/src/main.ts"): Promise<OrderStack> {
  const folder = await mkdtemp(join(tmpdir(), "parley-orders-"));
  const user = await serviceProcess("packages/user/src/main.ts", join(folder, "user.db"));
  const product = await serviceProcess("packages/product/src/main.ts", join(folder, "product.db"));
  const order = await serviceProcess(orderMain, join(folder, "order.db"), {
    USER_SERVICE_URL: user.url,
    PRODUCT_SERVICE_URL: product.url,
  });
  const all = [order, product, user];
  async function dispose() {
    for (const service of all) {
      service.signal("SIGCONT");
      service.signal("SIGKILL");
      await service.ended();
    }
    await rm(folder, { recursive: true, force: true });
  }
  try {
    await Promise.all(all.map((service) => service.start()));
  } catch (error) {
    await dispose();
    throw error;
  }
  const environment = systemEnvironment({ name: "test", logLevel: "silent" });
  const orders = createServiceClient(OrderService, order.url, { environment });
  const products = createServiceClient(ProductService, product.url, { environment });
  const inventory = createServiceClient(InventoryService, product.url, { environment });

  async function allOrders(): Promise<readonly Order[]> {
    const found: Order[] = [];
    let pageToken = "";
    do {
      const page = await orders.listOrders({ pageSize: 100, pageToken });
      found.push(...page.orders);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return found;
  }

  async function stockOf(id: string): Promise<number> {
    return (await products.getProduct({ id })).product?.stock ?? Number.NaN;
  }

  return { user, product, order, orders, products, inventory, stockOf, allOrders, dispose };
}

/** Asks again until the answer is right; the last answer, right or not, once `limitMs` have passed. */
export async function eventually<T>(
  ask: () => Promise<T>,
  right: (answer: T) => boolean,
  limitMs = 15_000,
): Promise<T> {
  const endMs = performance.now() + limitMs;
  let answer = await ask();
  while (!right(answer) && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    answer = await ask();
  }
  return answer;
}

async function serviceProcess(
  main: string,
  databasePath: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<ServiceProcess> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  let output = "";

  async function start(env: Readonly<Record<string, string>> = {}) {
    output = "";
    const started = spawn(process.execPath, [join(root, main)], {
      // Nothing of the test's own environment: what vitest sets is not meant for services.
      env: { PATH: process.env.PATH, PORT: String(port), DATABASE_URL: `sqlite:${databasePath}`, ...settings, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    const serves = await eventually(
      async () => output.includes('"msg":"serving"') || hasEnded(started),
      Boolean,
      startMaxMs,
    );
    if (!serves || hasEnded(started)) {
      throw new Error(`${main} did not start. It said:\n${output}`);
    }
  }

  async function ended(): Promise<number | null> {
    if (child !== undefined && !hasEnded(child)) {
      await once(child, "exit");
    }
    return child?.exitCode ?? null;
  }

  return {
    url: `http://127.0.0.1:${port}`,
    start,
    signal: (signal) => void child?.kill(signal),
    ended,
    output: () => output,
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
