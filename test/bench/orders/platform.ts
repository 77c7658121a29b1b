import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import type { PostgresServer } from "@parley/store/postgres-server";
import { type PinnedProcess, startPinned } from "../pinned-process.ts";

/** Services that process orders together. */
export interface Platform {
  readonly name: string;
  /** The addresses of the order service's replicas. */
  readonly orderUrls: readonly string[];
  readonly processes: Processes;
  /** The available units of the product. The missing units were sold. */
  stock(productId: string): Promise<number>;
  /** The number of sent notifications of orders. Undefined without a notification service. */
  notified(): number | undefined;
  stop(): Promise<void>;
}

/** The replicas of each service. */
type Processes = Readonly<
  Record<Role, readonly PinnedProcess[]> & Partial<Record<"notification", readonly PinnedProcess[]>>
>;

export const roles = ["user", "product", "order"] as const;
type Role = (typeof roles)[number];

const here = import.meta.dirname;
/** A timeout that none of the benchmark's own calls should reach. */
const callTimeoutMs = 10_000;

/** Starts one of the rivals. */
export async function startRival(name: string, file: string): Promise<Platform> {
  const folder = await newFolder();
  const startRole = (role: Role, ...ports: readonly number[]) =>
    startPinned(join(here, file), { args: [role, folder, ...ports.map(String)], core: "any" });
  const user = await startRole("user", 0, 0);
  const product = await startRole("product", user.port, 0);
  const order = await startRole("order", user.port, product.port);
  return platform({ name, folder, processes: { user: [user], product: [product], order: [order] } });
}

/** Starts the rival on PostgreSQL, with events and a service for notifications. */
export async function startPostgresRival(name: string, postgres: PostgresServer): Promise<Platform> {
  const folder = await newFolder();
  async function startRole(role: Role | "notification", ...ports: readonly number[]) {
    const database = `rival_${role}`;
    await postgres.createDatabase(database);
    const args = [role, postgres.url(database), ...ports.map(String)];
    return await startPinned(join(here, "rival-postgres.ts"), { args, core: "any" });
  }
  const notification = await startRole("notification");
  const user = await startRole("user");
  const product = await startRole("product");
  const order = await startRole("order", user.port, product.port, notification.port);
  const processes = { user: [user], product: [product], order: [order], notification: [notification] };
  return { ...platform({ name, folder, processes }), notified: () => undefined };
}

export interface ParleyOptions {
  readonly name: string;
  /** Whether events are stored, published and consumed by the notification service, which sends notifications. */
  readonly events: boolean;
  /** A server that the services share. Default: a SQLite file for each service. */
  readonly postgres?: PostgresServer | undefined;
  /** The processes of each service. More than one need PostgreSQL. Default: 1. */
  readonly replicas?: number;
}

/** Starts the unmodified services of this repository. */
export async function startParley({ name, events, postgres, replicas = 1 }: ParleyOptions): Promise<Platform> {
  const folder = await newFolder();
  const databaseOf = (role: string) => `${role}_${replicas}`;
  for (const role of postgres === undefined ? [] : [...roles, "notification"]) {
    await postgres?.createDatabase(databaseOf(role));
  }
  const ports = await freePorts(4 * replicas);
  const portsOf = (index: number) => ports.slice(index * replicas, (index + 1) * replicas);
  const target = (some: readonly number[]) => some.map((port) => `http://127.0.0.1:${port}`).join(",");
  const [userPorts, productPorts, orderPorts, notificationPorts] = [portsOf(0), portsOf(1), portsOf(2), portsOf(3)];
  const startRole = (role: string, some: readonly number[]) =>
    Promise.all(some.map((port) => startReplica(role, port)));
  const startReplica = (role: string, port: number) =>
    startPinned(join(here, "..", "..", "..", "packages", role, "src", "main.ts"), {
      core: "any",
      imports: events ? [] : [join(here, "without-events.ts")],
      env: {
        PORT: String(port),
        DATABASE_URL: postgres?.url(databaseOf(role)) ?? `sqlite:${join(folder, `${role}.db`)}`,
        SIGNING_KEY_SECRET: "a secret of thirty-two characters",
        SAMPLE_DATA: "on",
        LOG_FORMAT: "json",
        USER_SERVICE_URL: target(userPorts),
        PRODUCT_SERVICE_URL: target(productPorts),
        NOTIFICATION_SERVICE_URL: target(notificationPorts),
      },
      port,
    });
  const notification = events ? { notification: await startRole("notification", notificationPorts) } : {};
  const user = await startRole("user", userPorts);
  const product = await startRole("product", productPorts);
  const order = await startRole("order", orderPorts);
  const inventory = createClient(InventoryService, transportTo(firstOf(product)));
  for (const productId of ["101", "102"]) {
    await inventory.updateStock({ productId, change: { case: "stock", value: 900_000_000 } });
  }
  const started = platform({ name, folder, processes: { user, product, order, ...notification } });
  // Notifications are counted in the service's SQLite file.
  return postgres === undefined ? started : { ...started, notified: () => undefined };
}

function platform({
  name,
  folder,
  processes,
}: Pick<Platform, "name" | "processes"> & { readonly folder: string }): Platform {
  const products = createClient(ProductService, transportTo(firstOf(processes.product)));
  return {
    name,
    orderUrls: processes.order.map(({ port }) => `http://127.0.0.1:${port}`),
    processes,
    stock: async (id) => (await products.getProduct({ productId: id })).product?.stock ?? Number.NaN,
    notified: () => (processes.notification === undefined ? undefined : countSent(join(folder, "notification.db"))),
    async stop() {
      await Promise.all(
        Object.values(processes)
          .flat()
          .map((process) => process.stop()),
      );
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Counts in the service's own database, because paging through its list would be a load of its own. */
function countSent(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const row = database.prepare("SELECT COUNT(DISTINCT order_id) AS sent FROM notification WHERE state = 2").get();
    return Number(row?.sent);
  } finally {
    database.close();
  }
}

/** The first replica. */
export function firstOf([first]: readonly PinnedProcess[]): PinnedProcess {
  if (first === undefined) throw new RangeError("a service has at least one process");
  return first;
}

function transportTo({ port }: PinnedProcess) {
  return createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}`, defaultTimeoutMs: callTimeoutMs });
}

function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "parley-orders-"));
}

/** Free ports: with fixed ports, a leftover process of another run could be measured. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
