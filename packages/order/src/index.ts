export { orderMigrations } from "./migrations/index.ts";
export { orderReasons } from "./order-errors.ts";
export { createOrderModule, type OrderModuleOptions, orderEventSource } from "./order-module.ts";
export type { UserClient } from "./saga/buyers.ts";
export type { Checkpoint } from "./saga/checkpoint.ts";
export { backoffMsMax, sweepIntervalMs } from "./saga/recovery.ts";
export type { InventoryClient } from "./saga/stock.ts";
