import {
  bool,
  type CleanedEnv,
  cleanEnv,
  EnvError,
  EnvMissingError,
  makeValidator,
  port,
  type Spec,
  str,
  type ValidatorSpec,
} from "envalid";
import {
  readServiceNamePattern,
  ServiceNamePatternError,
  type ServiceOfNames,
} from "../../access/certificate-identity.ts";
import { createHostCheck, type HostCheck } from "../http/host-check.ts";
import { readTrustedProxies, type TrustedProxies, TrustedProxiesError } from "../http/trusted-proxies.ts";
import { choice } from "./choice.ts";
import { clientSettings } from "./client-settings.ts";
import { limitSettings, limitsOf } from "./limit-settings.ts";
import { misspeltSettings } from "./misspelt-settings.ts";
import type { ServerConfig } from "./server-config.ts";
import { serviceUrl } from "./service-url.ts";
import { telemetrySettings } from "./telemetry-settings.ts";
import { wholeNumber } from "./whole-number.ts";

export { bool as flag, choice, port, serviceUrl, str as text, wholeNumber };

/** Settings by the name of their environment variable. */
export type Settings = Record<string, ValidatorSpec<unknown>>;

/** The values of settings. */
export type SettingValues<S extends Settings> = CleanedEnv<S>;

/** A setting for a URL with one of these schemes and a host, or an empty string. */
export function serverUrl(schemes: readonly string[], spec: Spec<string> & { readonly default: string }) {
  return makeValidator<string>((input: string) => {
    const parsed = URL.parse(input);
    const isFit = parsed !== null && parsed.hostname !== "" && schemes.includes(parsed.protocol.slice(0, -1));
    if (input !== "" && !isFit) {
      // The message leaves the URL out: it may contain a password.
      throw new EnvError(`must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`);
    }
    return input;
  })(spec);
}

/** The pattern of certificate names, see {@link readServiceNamePattern}. Undefined for none. */
function serviceNames(spec: Spec<ServiceOfNames | undefined> & { readonly default: undefined }) {
  return makeValidator<ServiceOfNames | undefined>((input: string) => {
    try {
      return readServiceNamePattern(input);
    } catch (error) {
      throw new EnvError(error instanceof ServiceNamePatternError ? error.message : String(error));
    }
  })(spec);
}

/** The networks of trusted proxies, see {@link readTrustedProxies}. Undefined for none. */
export function trustedProxies(spec: Spec<TrustedProxies | undefined> & { readonly default: undefined }) {
  return makeValidator<TrustedProxies | undefined>((input: string) => {
    try {
      return readTrustedProxies(input);
    } catch (error) {
      throw new EnvError(error instanceof TrustedProxiesError ? error.message : String(error));
    }
  })(spec);
}

/** The settings of every service. */
export const serverSettings = {
  HOST: str({ default: "127.0.0.1", desc: "The address to listen on." }),
  PORT: port({ desc: "The port to listen on." }),
  ADMIN_HOST: str({ default: "127.0.0.1", desc: "The address of the admin port." }),
  ADMIN_PORT: port({
    default: undefined,
    desc: "The port of /metrics, /traces and a plaintext /health. Where AUTH=off, they are on PORT unless it is set.",
  }),
  REFLECTION: bool({
    default: true,
    desc: "Whether the server offers gRPC server reflection, which grpcurl and buf curl use.",
  }),
  ALLOW_OPEN: bool({ default: false, desc: "Allows AUTH=off on an address that other machines reach." }),
  ALLOWED_HOSTS: str({
    default: "",
    desc: "With AUTH=off: the host names that the Host header may have besides localhost, separated by commas, or *.",
  }),
  AUTH: choice(["off", "required"], { default: "off", desc: "Whether callers must authenticate." }),
  USER_SERVICE_URL: serviceUrl({
    default: "http://127.0.0.1:50051",
    desc: "The URL of the public keys that verify users' access tokens.",
  }),
  SERVICE_KEY_FILE: str({
    default: "",
    desc: "The private key with which this service signs its tokens for other services, a JWK.",
  }),
  SERVICE_KEYS_FILE: str({
    default: "",
    desc: "The public keys of all services, a JWK Set. Required with AUTH=required.",
  }),
  TLS_CERT_FILE: str({
    default: undefined,
    desc: "The server's certificate, PEM: the port uses TLS. Required with TLS_KEY_FILE or TLS_CA_FILE.",
    requiredWhen: ({ TLS_KEY_FILE: key, TLS_CA_FILE: ca }) => key !== undefined || ca !== undefined,
  }),
  TLS_KEY_FILE: str({
    default: undefined,
    desc: "The certificate's private key, PEM. Required with TLS_CERT_FILE.",
    requiredWhen: ({ TLS_CERT_FILE: cert }) => cert !== undefined,
  }),
  TLS_SERVICE_NAMES: serviceNames({
    default: undefined,
    desc: "The subject alternative name in a client certificate that identifies a service: spiffe://domain/…/{service}, or a DNS name.",
  }),
  TLS_CA_FILE: str({ default: undefined, desc: "The certificate authority of client certificates, PEM." }),
  ERROR_HELP_URL: str({
    default: undefined,
    desc: "The page that errors link to (google.rpc.Help), with a section for each reason. off: no links.",
  }),
  LOG_LEVEL: choice(["trace", "debug", "info", "warn", "error", "fatal", "silent"], { default: "info" }),
  LOG_FORMAT: choice(["json", "logfmt"], { default: "json" }),
  ...telemetrySettings,
  SHUTDOWN_GRACE_MS: wholeNumber({ min: 0, max: 600_000, default: 10_000 }),
  HTTP1_DRAIN_MS: wholeNumber({
    min: 0,
    max: 300_000,
    default: 500,
    desc: "The time for which idle HTTP/1.1 connections stay open after SIGTERM. Longer than the idle timeout of a proxy in front.",
  }),
  RPC_PATH: choice(["own", "stock"], {
    default: "own",
    desc: "The code that reads and writes calls. own: this runtime. stock: Connect's handlers for Fastify.",
  }),
  HTTP2_IMPLEMENTATION: choice(["own", "node"], {
    default: "own",
    desc: "The HTTP/2 implementation, for the server and for clients. own: this runtime's. node: node:http2.",
  }),
  ...clientSettings,
  PREPARE_ONLY: bool({
    default: false,
    desc: "Migrates the database and ends the process instead of serving.",
  }),
  ...limitSettings,
} satisfies Settings;

export type ServerSettings = typeof serverSettings;

/** Settings are invalid or missing. The message has a line for each. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

/** Reads settings from environment variables. Empty variables count as unset. Throws {@link SettingsError} with every mistake. */
export function readSettings<S extends Settings>(settings: S, variables: NodeJS.ProcessEnv): SettingValues<S> {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ""));
  const misspelt = misspeltSettings(given, Object.keys(settings));
  return cleanEnv(given, settings, {
    reporter({ errors }) {
      const mistakes = [
        ...Object.entries(errors).map(([name, error]) => `  ${name}: ${mistake(error)}`),
        ...misspelt.map(
          ({ name, meant }) => `  ${name}: is not a setting. Did you mean ${meant}? Rename it or unset it.`,
        ),
      ];
      if (mistakes.length > 0) {
        throw new SettingsError(`settings are wrong:\n${mistakes.join("\n")}`);
      }
    },
  });
}

function mistake(error: unknown): string {
  if (error instanceof EnvMissingError) {
    return `is not set. ${error.message}`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Converts the settings to the server's configuration. */
export function serverConfig(values: SettingValues<ServerSettings>): ServerConfig {
  return {
    host: values.HOST,
    port: values.PORT,
    ...tlsConfig(values),
    ...adminConfig(values),
    reflection: values.REFLECTION,
    ...(values.AUTH === "off" ? { hostCheck: hostCheck(values) } : {}),
    telemetry: values.TELEMETRY,
    rpcPath: values.RPC_PATH,
    errorHelpUrl: values.ERROR_HELP_URL,
    shutdownGraceMs: values.SHUTDOWN_GRACE_MS,
    http1DrainMs: values.HTTP1_DRAIN_MS,
    limits: limitsOf(values),
  };
}

/** With AUTH=required, metrics and traces get a separate admin port, any free one by default: these pages have no authentication. */
function adminConfig(values: SettingValues<ServerSettings>): Pick<ServerConfig, "admin"> {
  const { AUTH: auth, ADMIN_HOST: host, ADMIN_PORT: port } = values;
  return port === undefined && auth === "off" ? {} : { admin: { host, port: port ?? 0 } };
}

function hostCheck(values: SettingValues<ServerSettings>): HostCheck {
  const allowedHosts = values.ALLOWED_HOSTS.split(",").flatMap((name) => name.trim() || []);
  return createHostCheck({ allowedHosts, allowAddresses: values.ALLOW_OPEN });
}

function tlsConfig(values: SettingValues<ServerSettings>): Pick<ServerConfig, "tls"> {
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile, TLS_CA_FILE: caFile } = values;
  if (certFile === undefined || keyFile === undefined) {
    return {};
  }
  const reloadIntervalMs = values.TLS_RELOAD_INTERVAL_MS;
  return { tls: { certFile, keyFile, reloadIntervalMs, ...(caFile === undefined ? {} : { caFile }) } };
}
