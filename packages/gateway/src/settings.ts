import { port, type SettingValues, serviceUrl, text, trustedProxies, wholeNumber } from "@parley/rpc/server";
import type { GatewayModuleOptions } from "./gateway-module.ts";

/** The gateway's settings, besides those that every service has. */
export const gatewaySettings = {
  PORT: port({ default: 8080 }),
  // A REST path and query count as headers, and 4,096 characters, the longest text that a contract lets in there, are up to
  // 48 KiB once encoded.
  HEADER_BYTES_MAX: wholeNumber({ min: 1_024, max: 1_048_576, default: 65_536 }),
  USER_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50051" }),
  PRODUCT_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50052" }),
  ORDER_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50053" }),
  NOTIFICATION_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50054" }),
  ECHO_A_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50061" }),
  ECHO_B_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50062" }),
  RATE_LIMIT_PER_MINUTE: wholeNumber({ min: 0, max: 100_000_000, default: 6_000, desc: "By caller. 0: no limit." }),
  TRUST_PROXY: trustedProxies({
    default: undefined,
    desc: "The networks of the proxies in front, whose x-forwarded-for names the client: 10.0.0.0/8,::1. true: any.",
  }),
  CORS_ORIGINS: text({
    default: "localhost",
    desc: "The pages whose scripts may read answers: origins separated by commas, localhost for every local page, or *.",
  }),
};

/** What the settings say of the door. */
export function gatewayOptions(
  config: Pick<SettingValues<typeof gatewaySettings>, keyof typeof gatewaySettings>,
): Omit<GatewayModuleOptions, "environment"> {
  return {
    backends: {
      user: config.USER_SERVICE_URL,
      product: config.PRODUCT_SERVICE_URL,
      order: config.ORDER_SERVICE_URL,
      notification: config.NOTIFICATION_SERVICE_URL,
      "echo-a": config.ECHO_A_SERVICE_URL,
      "echo-b": config.ECHO_B_SERVICE_URL,
    },
    requestsPerMinuteMax: config.RATE_LIMIT_PER_MINUTE,
    trustedProxies: config.TRUST_PROXY,
    corsOrigins: config.CORS_ORIGINS.split(",").map((origin) => origin.trim()),
  };
}
