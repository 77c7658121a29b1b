import { limitsSettings } from "@parley/events/limits";
import { type PublicProcessUrlVariable, publicProcesses } from "@parley/gen/services.js";
import {
  flag,
  isLoopbackName,
  port,
  SettingsError,
  type SettingValues,
  serviceUrl,
  text,
  trustedProxies,
  wholeNumber,
} from "@parley/rpc/server";
import type { GatewayModuleOptions } from "./gateway-module.ts";

/** The address of each process behind the gateway: `USER_SERVICE_URL` and the like. */
const backendUrls = Object.fromEntries(
  publicProcesses.map(({ urlVariable, port }) => [urlVariable, serviceUrl({ default: `http://127.0.0.1:${port}` })]),
) as Readonly<Record<PublicProcessUrlVariable, ReturnType<typeof serviceUrl>>>;

/** The gateway's settings, besides those of every service. */
export const gatewaySettings = {
  PORT: port({ default: 8080 }),
  // A REST path and query count as headers, and 4,096 characters, the longest string that a contract allows there, are up to
  // 48 KiB once encoded.
  HEADER_BYTES_MAX: wholeNumber({ min: 1_024, max: 1_048_576, default: 65_536 }),
  ...backendUrls,
  RATE_LIMIT_PER_MINUTE: wholeNumber({
    min: 0,
    max: 100_000_000,
    default: 6_000,
    desc: "Requests a minute of one caller. 0: no limit.",
  }),
  BUSY_CALLER_CONNECTIONS: wholeNumber({
    min: 0,
    max: 64,
    default: 3,
    desc: "The connections to each service for callers with more than 16 calls at once. 0: all callers share one.",
  }),
  TRUST_PROXY: trustedProxies({
    default: undefined,
    desc: "The networks of the proxies in front, whose x-forwarded-for names the client: 10.0.0.0/8,::1. true: any.",
  }),
  CORS_ORIGINS: text({
    default: "localhost",
    desc: "The origins whose scripts may read responses (CORS), separated by commas; localhost: every local origin; *: any.",
  }),
  DEFAULT_CURRENCY: text({
    default: "USD",
    desc: "The currency of a number in a REST request where the contract has an amount of money: three capital letters (ISO 4217).",
  }),
  GUEST_ORDERS: flag({
    default: undefined,
    desc: "Whether callers without a token may place orders without a user. The order service must allow it too. Default: on with AUTH=off.",
  }),
  ...limitsSettings,
  STACK_CONTROL_FILE: text({
    default: "",
    desc: "Set by parley up: the file with its address and token, for the console. Used only with AUTH=off and a loopback HOST.",
  }),
};

/** The gateway module's options from the settings. */
export function gatewayOptions(
  config: Pick<SettingValues<typeof gatewaySettings>, keyof typeof gatewaySettings> & {
    readonly ERROR_HELP_URL?: string | undefined;
    readonly AUTH: string;
  },
): Omit<GatewayModuleOptions, "environment"> {
  if (!/^[A-Z]{3}$/.test(config.DEFAULT_CURRENCY)) {
    throw new SettingsError("DEFAULT_CURRENCY: must be three capital letters (ISO 4217), such as USD");
  }
  return {
    backends: Object.fromEntries(publicProcesses.map(({ name, urlVariable }) => [name, config[urlVariable]])),
    requestsPerMinuteMax: config.RATE_LIMIT_PER_MINUTE,
    busyConnections: config.BUSY_CALLER_CONNECTIONS,
    trustedProxies: config.TRUST_PROXY,
    errorHelpUrl: config.ERROR_HELP_URL,
    defaultCurrency: config.DEFAULT_CURRENCY,
    guestOrders: config.GUEST_ORDERS ?? config.AUTH === "off",
    corsOrigins: config.CORS_ORIGINS.split(",").map((origin) => origin.trim()),
  };
}

/**
 * The file through which the console may start and stop services: only if sign-in is off and no other machine reaches the gateway, so that
 * every user of the page could do the same in a terminal.
 */
export function stackControlFile({
  AUTH,
  HOST,
  ALLOW_OPEN,
  STACK_CONTROL_FILE,
}: {
  readonly AUTH: string;
  readonly HOST: string;
  readonly ALLOW_OPEN: boolean;
  readonly STACK_CONTROL_FILE: string;
}): string | undefined {
  const isOwn = AUTH === "off" && isLoopbackName(HOST) && !ALLOW_OPEN;
  return isOwn && STACK_CONTROL_FILE !== "" ? STACK_CONTROL_FILE : undefined;
}
