import { eventMigrations } from "@parley/events";
import type { Migration } from "@parley/store";
import { orders } from "./0001-orders.ts";

/** The schema of the order service: its own table, and its events. */
export const orderMigrations: readonly Migration[] = [...eventMigrations, orders];
