import type { DeployedService } from "./deployment.ts";

/** A setting that differs between productions: each kind of deployment lets it be set, with a default that is safe. */
export interface ProductionSetting {
  readonly variable: string;
  /** The services that read it. Default: all. */
  readonly services?: readonly string[];
  /** Its meaning, for operators. */
  readonly about: string;
  /** The default of the deployment files. An empty one is the service's own default. */
  readonly value: string;
  /** Its default in compose.yaml, which is for trying out, if that differs. */
  readonly composeValue?: string;
  /** The Secret of Kubernetes and its key, for what must not be read by others. Without the Secret the setting has no value. */
  readonly secret?: { readonly name: string; readonly key: string };
}

/** The private networks, from which a load balancer or an ingress calls. */
const privateNetworks = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16";

/**
 * The settings that `environmentOf` leaves to the operator. The required ones (databases, the broker, keys, SIGNING_KEY_SECRET) are written by
 * each kind of deployment itself.
 */
export const productionSettings: readonly ProductionSetting[] = [
  { variable: "LOG_LEVEL", about: "The least severe lines that are logged.", value: "info" },
  {
    variable: "GUEST_ORDERS",
    services: ["order", "gateway"],
    about: "on: orders without a user are accepted, from callers without a token too.",
    value: "off",
  },
  {
    variable: "DEFAULT_CURRENCY",
    services: ["gateway"],
    about: "The currency of a number that stands for an amount of money, ISO 4217.",
    value: "USD",
  },
  {
    variable: "CORS_ORIGINS",
    services: ["gateway"],
    about: "Origins whose scripts may read responses, separated by commas. Empty: local pages only.",
    value: "",
  },
  {
    variable: "RATE_LIMIT_PER_MINUTE",
    services: ["gateway"],
    about: "Requests of one caller in a minute, 0 for no limit.",
    value: "6000",
  },
  {
    variable: "TRUST_PROXY",
    services: ["gateway"],
    about: "Networks of the proxies in front, whose X-Forwarded-For names the client.",
    value: privateNetworks,
  },
  {
    variable: "SAMPLE_DATA",
    services: ["product"],
    about: "on: an empty database gets the sample products.",
    value: "off",
    composeValue: "on",
  },
  {
    variable: "ADMIN_EMAIL",
    services: ["user"],
    about: "The e-mail address of the admin, whose account is made at the first start.",
    value: "",
    composeValue: "admin@example.com",
    secret: { name: "user-admin", key: "email" },
  },
  {
    variable: "ADMIN_PASSWORD",
    services: ["user"],
    about: "The admin's password.",
    value: "",
    composeValue: "for-trying-out-only",
    secret: { name: "user-admin", key: "password" },
  },
  {
    variable: "LIMITS_URL",
    services: ["user", "gateway"],
    about: "The Redis through which replicas share rate limits and failed sign-ins, rediss://…",
    value: "",
    composeValue: "redis://redis:6379",
    secret: { name: "parley-limits", key: "url" },
  },
  {
    variable: "SMTP_URL",
    services: ["notification"],
    about: "The mail server, smtps://user:password@host:465. Empty: mails are written to the log.",
    value: "",
    secret: { name: "notification-mail", key: "url" },
  },
  { variable: "MAIL_FROM", services: ["notification"], about: "The sender of mails.", value: "shop@example.com" },
  {
    variable: "SHOP_EMAIL",
    services: ["notification"],
    about: "The recipient of the shop's own alerts, such as low stock.",
    value: "shop@example.com",
  },
  {
    variable: "OTEL_EXPORTER_OTLP_ENDPOINT",
    about: "The collector that traces go to over OTLP/HTTP. Empty: nothing is exported.",
    value: "",
  },
  {
    variable: "OTEL_EXPORTER_OTLP_HEADERS",
    about: "Headers for the collector, such as its key: name=value pairs with commas between.",
    value: "",
    secret: { name: "parley-telemetry", key: "headers" },
  },
  {
    variable: "OTEL_TRACES_SAMPLER_ARG",
    about: "The share of traces that is exported where OTEL_TRACES_SAMPLER takes a ratio, from 0 to 1.",
    value: "",
  },
  { variable: "OTEL_TRACES_SAMPLER", about: "Which traces are exported, such as parentbased_traceidratio.", value: "" },
];

/** The production settings that a service reads. */
export function productionSettingsOf({ name }: Pick<DeployedService, "name">): readonly ProductionSetting[] {
  return productionSettings.filter(({ services }) => services === undefined || services.includes(name));
}

/** The name of a CloudFormation parameter: `GUEST_ORDERS` is `GuestOrders`. A Secret is given by its ARN, in a parameter that ends with `Secret`. */
export function parameterOf({ variable, secret }: ProductionSetting): string {
  const words = variable.split("_").map((word) => word.slice(0, 1) + word.slice(1).toLowerCase());
  return `${words.join("")}${secret === undefined ? "" : "Secret"}`;
}
