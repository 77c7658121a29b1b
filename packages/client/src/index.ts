/**
 * The client of Parley: {@link createParleyClient}, and every service and message of the contracts.
 *
 * @module
 */

export * from "@parley/gen/google/rpc/error_details_pb.js";
export * from "@parley/gen/google/type/money_pb.js";
export * from "@parley/gen/public-contracts.js";
export type { TokenSource } from "./bearer.ts";
export { createFetchTransport, type FetchTransportOptions } from "./fetch-transport.ts";
export { addMoney, decimalOf, formatMoney, moneyOf, multiplyMoney } from "./money.ts";
export { createParleyClient, type ParleyClient, type ParleyClientOptions } from "./parley-client.ts";
