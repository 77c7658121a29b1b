export { productMigrations } from "./migrations/product-migrations.ts";
export type { ProductReason } from "./product-errors.ts";
export { createProductModule, type ProductModuleOptions } from "./product-module.ts";
