import { type Broker, createEventLog, createRelay, eventTypes } from "@parley/events";
import { platform } from "@parley/gen/services.js";
import type { Environment } from "@parley/rpc";
import type { ServiceModule } from "@parley/rpc/server";
import { type Database, startPruningRequestIds, whenReachable } from "@parley/store";
import { createInventory } from "./inventory/inventory.ts";
import { createInventoryService } from "./inventory-service.ts";
import { createProductEvents } from "./product-events.ts";
import { createProductService } from "./product-service.ts";
import { loadSampleProducts } from "./sample-products.ts";

export interface ProductModuleOptions {
  readonly environment: Environment;
  /** Opened with `productMigrations`. The module closes it when it stops. */
  readonly database: Database;
  /** Whether the sample products are inserted into an empty catalogue. Default: false. */
  readonly sampleData?: boolean;
  /** Delivers events to other services. Without it they wait in the log. Closed when the module stops. */
  readonly broker?: Broker | undefined;
  /** The name of this process, unique among the processes on the database and stable across restarts. Default `only`, for a single process. */
  readonly replica?: string;
}

/** The product service's module: the catalogue and the inventory. */
export function createProductModule(options: ProductModuleOptions): ServiceModule {
  const { environment, database, sampleData = false, broker, replica = "only" } = options;
  const { clock, log } = environment;
  // Each sale changes stock: too many events to publish without a subscriber.
  const watchOnlyTypes = [eventTypes.stockChanged];
  const eventLog = createEventLog({ database, source: "/services/product", environment, watchOnlyTypes });
  const events = createProductEvents(eventLog);
  const inventory = createInventory({ database, events, clock });
  const relay = broker && createRelay({ database, log: eventLog, broker, environment, replica });
  let stopPruning = async () => {};

  return {
    ...platform,
    onReachable: database.onReachable?.bind(database),
    entries: [
      createProductService({ environment, database, events }),
      createInventoryService({ environment, database, inventory, events, eventLog }),
    ],
    async start() {
      if (sampleData) {
        await whenReachable(database, () => loadSampleProducts(database, clock.now()), { clock, log });
      }
      const onError = (err: unknown) => log.warn({ err }, "old request ids could not be pruned");
      stopPruning = startPruningRequestIds({ database, clock, onError });
      relay?.start();
    },
    async stop() {
      await stopPruning();
      await relay?.stop();
      await broker?.close();
      await database.close();
    },
  };
}
