export type { UserClient } from "./buyers.ts";
export type { Checkpoint } from "./checkpoint.ts";
export { orderMigrations } from "./migrations/index.ts";
export { orderReasons } from "./order-errors.ts";
export { createOrderModule, type OrderModuleOptions, orderEventSource } from "./order-module.ts";
export { backoffMsMax, sweepIntervalMs } from "./recovery.ts";
export type { InventoryClient } from "./stock.ts";
