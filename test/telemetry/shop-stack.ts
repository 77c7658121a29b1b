import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Program } from "../processes/program.ts";
import { serviceProgram } from "../processes/service-program.ts";

/** The processes on an order's path, with sample data. */
export interface ShopStack {
  readonly gateway: Program;
  readonly order: Program;
  readonly product: Program;
  readonly user: Program;
  readonly notification: Program;
  /** The path of a service's database. */
  databasePath(service: string): string;
  dispose(): Promise<void>;
}

/** A shared compile cache for the five processes. */
const compileCache = fileURLToPath(new URL("../../node_modules/.cache/parley/compile", import.meta.url));

/** Starts all of them with these additional settings. */
export async function startShopStack(settings: Readonly<Record<string, string>>): Promise<ShopStack> {
  const folder = await mkdtemp(join(tmpdir(), "parley-shop-"));
  const databasePath = (name: string) => join(folder, `${name}.db`);
  const service = (name: string, own: Readonly<Record<string, string>> = {}) =>
    serviceProgram({
      name,
      main: `packages/${name}/src/main.ts`,
      databasePath: databasePath(name),
      settings: { NODE_COMPILE_CACHE: compileCache, ...settings, ...own },
    });
  const notification = await service("notification");
  const behind = { NOTIFICATION_SERVICE_URL: notification.url };
  const user = await service("user", { ...behind, SAMPLE_DATA: "on" });
  const product = await service("product", { ...behind, SAMPLE_DATA: "on" });
  const urls = { ...behind, USER_SERVICE_URL: user.url, PRODUCT_SERVICE_URL: product.url };
  const order = await service("order", urls);
  const gateway = await service("gateway", { ...urls, ORDER_SERVICE_URL: order.url });
  const all = [gateway, order, product, user, notification];
  async function dispose() {
    await Promise.all(all.map((each) => each.kill()));
    await rm(folder, { recursive: true, force: true });
  }
  try {
    // In sequence: on a busy machine five concurrent starts are all slow.
    for (const each of all.toReversed()) {
      await each.start();
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  return { gateway, order, product, user, notification, databasePath, dispose };
}
