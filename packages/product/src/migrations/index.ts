import { eventMigrations } from "@parley/events";
import { idempotencyMigrations, type Migration } from "@parley/store";
import { products } from "./0001-products.ts";
import { reservations } from "./0002-reservations.ts";

/** The schema of the product service: its own tables, its events, and idempotency records. */
export const productMigrations: readonly Migration[] = [
  ...eventMigrations,
  ...idempotencyMigrations,
  products,
  reservations,
];
