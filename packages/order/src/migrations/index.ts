import type { Migration } from "@parley/store";
import { orders } from "./0001-orders.ts";

/** The history of the order service's own tables. The event log has its own. */
export const orderMigrations: readonly Migration[] = [orders];
