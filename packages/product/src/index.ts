export { productMigrations } from "./migrations/index.ts";
export type { ProductReason } from "./product-errors.ts";
export { createProductModule, type ProductModuleOptions } from "./product-module.ts";
