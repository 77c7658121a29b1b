import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { type PinnedProcess, startPinned } from "../pinned-process.ts";

/** Three services that take orders together. */
export interface Platform {
  readonly name: string;
  readonly orderUrl: string;
  readonly processes: Readonly<Record<"user" | "product" | "order", PinnedProcess>>;
  /** How many units of the product can be sold: what is missing was ordered and confirmed. */
  stock(productId: string): Promise<number>;
  stop(): Promise<void>;
}

const here = import.meta.dirname;

/** One of the rivals. */
export function startRival(name: string, file: string): Promise<Platform> {
  return start(name, (role, { folder, userPort, productPort }) =>
    startPinned(join(here, file), { args: [role, folder, String(userPort), String(productPort)], core: "any" }),
  );
}

/** The services of this repository, as they are. */
export async function startParley(): Promise<Platform> {
  const platform = await start("parley", (role, { folder, userPort, productPort }) =>
    startPinned(join(here, "..", "..", "..", "packages", role, "src", "main.ts"), {
      core: "any",
      env: {
        PORT: String(ports[role]),
        DATABASE_URL: `sqlite:${join(folder, `${role}.db`)}`,
        SAMPLE_DATA: "on",
        LOG_FORMAT: "json",
        USER_SERVICE_URL: `http://127.0.0.1:${userPort}`,
        PRODUCT_SERVICE_URL: `http://127.0.0.1:${productPort}`,
      },
      port: ports[role],
    }),
  );
  const inventory = createClient(
    InventoryService,
    createGrpcTransport({ baseUrl: `http://127.0.0.1:${platform.processes.product.port}` }),
  );
  for (const productId of ["101", "102"]) {
    await inventory.updateStock({ productId, change: { case: "stock", value: 900_000_000 } });
  }
  return platform;
}

/** Away from those of a running stack. */
const ports = { user: 58_051, product: 58_052, order: 58_053 } as const;

interface Place {
  readonly folder: string;
  readonly userPort: number;
  readonly productPort: number;
}

async function start(
  name: string,
  run: (role: keyof typeof ports, place: Place) => Promise<PinnedProcess>,
): Promise<Platform> {
  const folder = await mkdtemp(join(tmpdir(), "parley-orders-"));
  const user = await run("user", { folder, userPort: 0, productPort: 0 });
  const product = await run("product", { folder, userPort: user.port, productPort: 0 });
  const order = await run("order", { folder, userPort: user.port, productPort: product.port });
  const products = createClient(ProductService, createGrpcTransport({ baseUrl: `http://127.0.0.1:${product.port}` }));
  return {
    name,
    orderUrl: `http://127.0.0.1:${order.port}`,
    processes: { user, product, order },
    stock: async (id) => (await products.getProduct({ productId: id })).product?.stock ?? Number.NaN,
    async stop() {
      await Promise.all([order.stop(), product.stop(), user.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
