import { bool, type CleanedEnv, str } from "envalid";
import type { BalancingPolicy, ClientDefaults } from "../../environment/connections/client-defaults.ts";
import { tlsReloadIntervalMsDefault } from "../../environment/connections/tls-files.ts";
import { choice } from "./choice.ts";
import { wholeNumber } from "./whole-number.ts";

/** The settings of a service's clients. */
export const clientSettings = {
  BALANCING: choice(["auto", "pick_first", "round_robin", "least_request"], {
    default: "auto",
    desc: "The load-balancing policy over the addresses of a service. auto: pick_first for one URL, else least_request.",
  }),
  RESOLVE_INTERVAL_MS: wholeNumber({
    ...{ min: 100, max: 3_600_000, default: 10_000 },
    desc: "The longest time between two lookups of a dns:/// or srv:/// name. A shorter TTL shortens it, to at least 1 s.",
  }),
  HEALTH_WATCH: bool({
    default: true,
    desc: "Whether clients that balance watch the health of each server (grpc.health.v1.Health/Watch).",
  }),
  CLIENT_CONNECTIONS_MAX: wholeNumber({
    ...{ min: 0, max: 100, default: 0 },
    desc: "Connections to one address where its limit of concurrent streams is reached. 0: 1 with pick_first, else 4.",
  }),
  CLIENT_TLS_CA_FILE: fileName("The certificate authority of the certificates of called services, PEM."),
  CLIENT_TLS_CERT_FILE: str({
    default: undefined,
    desc: "The client certificate of this service, PEM. Required with CLIENT_TLS_KEY_FILE.",
    requiredWhen: ({ CLIENT_TLS_KEY_FILE: key }) => key !== undefined,
  }),
  CLIENT_TLS_KEY_FILE: str({
    default: undefined,
    desc: "The private key of the client certificate, PEM. Required with CLIENT_TLS_CERT_FILE.",
    requiredWhen: ({ CLIENT_TLS_CERT_FILE: cert }) => cert !== undefined,
  }),
  SERVICE_IDENTITY: choice(["token", "certificate"], {
    default: "token",
    desc: "How this service authenticates to others: with tokens signed by SERVICE_KEY_FILE, or with CLIENT_TLS_CERT_FILE.",
  }),
  TLS_RELOAD_INTERVAL_MS: wholeNumber({
    ...{ min: 100, max: 86_400_000, default: tlsReloadIntervalMsDefault },
    desc: "The interval at which certificate files are checked for changes. A changed file is read again.",
  }),
};

function fileName(desc: string) {
  return str({ default: undefined, desc });
}

/** Converts the settings to the defaults of clients. */
export function clientDefaults(values: CleanedEnv<typeof clientSettings>): ClientDefaults {
  const { BALANCING: balancing, CLIENT_TLS_CA_FILE: caFile, CLIENT_CONNECTIONS_MAX: connectionsMax } = values;
  const { CLIENT_TLS_CERT_FILE: certFile, CLIENT_TLS_KEY_FILE: keyFile } = values;
  const hasFiles = caFile !== undefined || certFile !== undefined;
  return {
    ...(balancing === "auto" ? {} : { balancing: balancing satisfies BalancingPolicy }),
    resolveIntervalMs: values.RESOLVE_INTERVAL_MS,
    healthWatch: values.HEALTH_WATCH,
    ...(connectionsMax === 0 ? {} : { connectionsMax }),
    ...(hasFiles ? { tlsFiles: { caFile, certFile, keyFile } } : {}),
    tlsReloadIntervalMs: values.TLS_RELOAD_INTERVAL_MS,
  };
}
