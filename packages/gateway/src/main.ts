import { flag, port, runService, serviceUrl, text, wholeNumber } from "@parley/rpc/server";
import { createGatewayModule } from "./index.ts";

const settings = {
  PORT: port({ default: 8080 }),
  USER_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50051" }),
  PRODUCT_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50052" }),
  ORDER_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50053" }),
  NOTIFICATION_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50054" }),
  ECHO_A_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50061" }),
  ECHO_B_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50062" }),
  RATE_LIMIT_PER_MINUTE: wholeNumber({ min: 0, max: 100_000_000, default: 6_000, desc: "By caller. 0: no limit." }),
  TRUST_PROXY: flag({ default: false, desc: "Whether the x-forwarded-for of a proxy in front says who calls." }),
  CORS_ORIGINS: text({ default: "*", desc: "The pages whose scripts may call: origins with commas between, or *." }),
};

await runService("gateway", settings, ({ config, environment }) =>
  createGatewayModule({
    environment,
    backends: {
      user: config.USER_SERVICE_URL,
      product: config.PRODUCT_SERVICE_URL,
      order: config.ORDER_SERVICE_URL,
      notification: config.NOTIFICATION_SERVICE_URL,
      "echo-a": config.ECHO_A_SERVICE_URL,
      "echo-b": config.ECHO_B_SERVICE_URL,
    },
    requestsPerMinuteMax: config.RATE_LIMIT_PER_MINUTE,
    trustsProxy: config.TRUST_PROXY,
    corsOrigins: config.CORS_ORIGINS.split(",").map((origin) => origin.trim()),
  }),
);
