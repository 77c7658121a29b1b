import { bool, type CleanedEnv, EnvError, makeValidator, str } from "envalid";
import { type BatchConfig, type OtlpConfig, type OtlpEndpoint, readPairs } from "../../telemetry/otlp/otlp-config.ts";
import { createSampler, type Sampler, samplerNames } from "../../telemetry/recorder/sampler.ts";
import { wholeNumber } from "./whole-number.ts";

/** A setting with a fixed set of values, like `choice`. */
function oneOf<const T extends string>(words: readonly T[], fallback: T) {
  return makeValidator<T>((input: string) => {
    const found = words.find((word) => word === input);
    if (found === undefined) {
      throw new EnvError(`must be one of ${words.join(", ")}, is "${input}"`);
    }
    return found;
  })({ default: fallback as T });
}

/** Comma-separated `name=value` pairs. Returns the unparsed string. */
const pairs = makeValidator<string>((input: string) => {
  try {
    readPairs(input);
    return input;
  } catch (error) {
    throw new EnvError(error instanceof RangeError ? error.message : String(error));
  }
});

/** An http or https URL, with an optional path, or an empty string. */
const collectorUrl = makeValidator<string>((input: string) => {
  const parsed = URL.parse(input);
  if (input !== "" && (parsed === null || (parsed.protocol !== "http:" && parsed.protocol !== "https:"))) {
    throw new EnvError(`must be an http:// or https:// URL, is "${input}"`);
  }
  return input;
});

const ratio = makeValidator<number>((input: string) => {
  const number = Number(input);
  if (input.trim() === "" || !(number >= 0 && number <= 1)) {
    throw new EnvError(`must be a number from 0 to 1, is "${input}"`);
  }
  return number;
});

const none = { default: "" };
const queueLength = () => wholeNumber({ min: 1, max: 1_000_000, default: 8_192 });
const batchLength = () => wholeNumber({ min: 1, max: 8_192, default: 512 });
const milliseconds = (ms: number) => wholeNumber({ min: 1, max: 600_000, default: ms });

/**
 * The settings of the recorder and the exporters. `OTEL_` settings follow OpenTelemetry ("Environment Variable Specification", "OpenTelemetry
 * Protocol Exporter") with one exception: nothing is exported without an endpoint.
 */
export const telemetrySettings = {
  TELEMETRY: bool({
    default: true,
    desc: "Whether recent calls are kept in memory and rpc.v1.TelemetryService is served.",
  }),
  TELEMETRY_PAYLOADS: bool({
    default: false,
    desc: "Whether the headers and messages of recent calls are kept too, with personal fields masked.",
  }),
  TELEMETRY_SLOW_MS: wholeNumber({ min: 1, max: 3_600_000, default: 1_000 }),
  OTEL_SDK_DISABLED: bool({ default: false, desc: "true: nothing is exported." }),
  OTEL_SERVICE_NAME: str({ default: "", desc: "The resource's service.name. Default: the process's name." }),
  OTEL_RESOURCE_ATTRIBUTES: pairs({ default: "", desc: "Further attributes of the resource." }),
  OTEL_TRACES_SAMPLER: oneOf(samplerNames, "parentbased_always_on"),
  OTEL_TRACES_SAMPLER_ARG: ratio({ default: 1 }),
  OTEL_TRACES_EXPORTER: oneOf(["otlp", "none"], "otlp"),
  OTEL_METRICS_EXPORTER: oneOf(["none", "otlp"], "none"),
  OTEL_LOGS_EXPORTER: oneOf(["none", "otlp"], "none"),
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf(["http/protobuf"], "http/protobuf"),
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl(none),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collectorUrl(none),
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: collectorUrl(none),
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: collectorUrl(none),
  OTEL_EXPORTER_OTLP_HEADERS: pairs(none),
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: pairs(none),
  OTEL_EXPORTER_OTLP_METRICS_HEADERS: pairs(none),
  OTEL_EXPORTER_OTLP_LOGS_HEADERS: pairs(none),
  OTEL_EXPORTER_OTLP_TIMEOUT: milliseconds(10_000),
  OTEL_EXPORTER_OTLP_COMPRESSION: oneOf(["none", "gzip"], "none"),
  OTEL_EXPORTER_OTLP_CERTIFICATE: str({
    default: "",
    desc: "The certificate authority of the collector's certificate, PEM.",
  }),
  OTEL_BSP_MAX_QUEUE_SIZE: queueLength(),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: batchLength(),
  OTEL_BSP_SCHEDULE_DELAY: milliseconds(1_000),
  OTEL_BLRP_MAX_QUEUE_SIZE: queueLength(),
  OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: batchLength(),
  OTEL_BLRP_SCHEDULE_DELAY: milliseconds(1_000),
  OTEL_METRIC_EXPORT_INTERVAL: milliseconds(60_000),
};

/** The values of these settings. */
export type TelemetryValues = CleanedEnv<typeof telemetrySettings>;

/** The process, for the resource attributes. */
export interface ExportingProcess {
  readonly name: string;
  readonly version: string;
  /** Unique for each start of the process. */
  readonly instanceId: string;
}

/** Converts the settings to the exporters' configuration. Undefined if nothing is exported. */
export function otlpConfig(values: TelemetryValues, process: ExportingProcess): OtlpConfig | undefined {
  if (values.OTEL_SDK_DISABLED) {
    return undefined;
  }
  const traces = values.OTEL_TRACES_EXPORTER === "otlp" ? endpoint(values, "TRACES") : undefined;
  const logs = values.OTEL_LOGS_EXPORTER === "otlp" ? endpoint(values, "LOGS") : undefined;
  const metrics = values.OTEL_METRICS_EXPORTER === "otlp" ? endpoint(values, "METRICS") : undefined;
  if (traces === undefined && logs === undefined && metrics === undefined) {
    return undefined;
  }
  return {
    resource: resourceOf(values, process),
    traces: traces && { ...traces, ...batch(values, "OTEL_BSP") },
    logs: logs && { ...logs, ...batch(values, "OTEL_BLRP") },
    metrics: metrics && { ...metrics, intervalMs: values.OTEL_METRIC_EXPORT_INTERVAL },
  };
}

/** The sampler that the settings name. */
export function samplerOf(values: TelemetryValues): Sampler {
  return createSampler(values.OTEL_TRACES_SAMPLER, values.OTEL_TRACES_SAMPLER_ARG);
}

/** OTEL_SERVICE_NAME takes precedence over `service.name` in OTEL_RESOURCE_ATTRIBUTES. */
function resourceOf(values: TelemetryValues, { name, version, instanceId }: ExportingProcess) {
  return {
    "service.name": name,
    "service.namespace": "parley",
    "service.version": version,
    "service.instance.id": instanceId,
    "telemetry.sdk.name": "parley",
    "telemetry.sdk.language": "nodejs",
    "telemetry.sdk.version": version,
    ...readPairs(values.OTEL_RESOURCE_ATTRIBUTES),
    ...(values.OTEL_SERVICE_NAME === "" ? {} : { "service.name": values.OTEL_SERVICE_NAME }),
  };
}

function endpoint(values: TelemetryValues, signal: "TRACES" | "METRICS" | "LOGS"): OtlpEndpoint | undefined {
  const own = values[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`];
  const common = values.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (own === "" && common === "") {
    return undefined;
  }
  // A signal's own endpoint is used unchanged. The common one gets the signal's path appended ("Endpoint URLs for OTLP/HTTP").
  const url = own === "" ? `${common.replace(/\/$/, "")}/v1/${signal.toLowerCase()}` : own;
  const ownHeaders = values[`OTEL_EXPORTER_OTLP_${signal}_HEADERS`];
  return {
    url,
    headers: readPairs(ownHeaders === "" ? values.OTEL_EXPORTER_OTLP_HEADERS : ownHeaders),
    timeoutMs: values.OTEL_EXPORTER_OTLP_TIMEOUT,
    gzip: values.OTEL_EXPORTER_OTLP_COMPRESSION === "gzip",
    certificateFile: values.OTEL_EXPORTER_OTLP_CERTIFICATE || undefined,
  };
}

function batch(values: TelemetryValues, prefix: "OTEL_BSP" | "OTEL_BLRP"): BatchConfig {
  return {
    queueLengthMax: values[`${prefix}_MAX_QUEUE_SIZE`],
    batchLengthMax: Math.min(values[`${prefix}_MAX_EXPORT_BATCH_SIZE`], values[`${prefix}_MAX_QUEUE_SIZE`]),
    delayMs: values[`${prefix}_SCHEDULE_DELAY`],
  };
}
