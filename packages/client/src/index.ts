/**
 * The client of Parley: {@link createParleyClient}, and every service and message of the contracts.
 *
 * @module
 */

export * from "@parley/gen/echo/v1/echo_service_pb.js";
export * from "@parley/gen/google/rpc/error_details_pb.js";
export * from "@parley/gen/google/type/money_pb.js";
export * from "@parley/gen/notification/v1/notification_pb.js";
export * from "@parley/gen/notification/v1/notification_service_pb.js";
export * from "@parley/gen/order/v1/order_pb.js";
export * from "@parley/gen/order/v1/order_service_pb.js";
export * from "@parley/gen/product/v1/inventory_service_pb.js";
export * from "@parley/gen/product/v1/product_pb.js";
export * from "@parley/gen/product/v1/product_service_pb.js";
export * from "@parley/gen/product/v1/reservation_pb.js";
export * from "@parley/gen/user/v1/user_pb.js";
export * from "@parley/gen/user/v1/user_service_pb.js";
export type { TokenSource } from "./bearer.ts";
export { createFetchTransport, type FetchTransportOptions } from "./fetch-transport.ts";
export { addMoney, decimalOf, formatMoney, moneyOf, multiplyMoney } from "./money.ts";
export { createParleyClient, type ParleyClient, type ParleyClientOptions } from "./parley-client.ts";
