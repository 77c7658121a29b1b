import type { Environment } from "../environment/environment.ts";
import { teeLog } from "../environment/log/log.ts";
import { readFamily } from "../telemetry/metric-family.ts";
import { collectProcessMetrics } from "../telemetry/metrics/process-metrics.ts";
import type { Exporters } from "../telemetry/otlp/open-exporters.ts";
import type { RecordedSpan } from "../telemetry/recorder/recorded-span.ts";
import { Recorder } from "../telemetry/recorder/recorder.ts";
import { otlpConfig, samplerOf, type TelemetryValues } from "./config/telemetry-settings.ts";

/** The version of the platform. All its packages share it. */
const version = "0.1.0";

export interface Telemetry {
  /** The environment, with a recorder if telemetry or an exporter is on. */
  readonly environment: Environment;
  /** Exports the remaining telemetry. */
  close(): Promise<void>;
}

/** The time limit for the last export at process exit, in milliseconds. */
const closeMs = 2_000;

/** Creates the recorder, the metrics and the exporters of a process from its settings. */
export async function openTelemetry(
  environment: Environment,
  { name, values }: { readonly name: string; readonly values: TelemetryValues },
): Promise<Telemetry> {
  collectProcessMetrics(environment.metrics);
  readFamily(environment.metrics, {
    name: "parley_build_info",
    help: "Constant 1, with the name and version of the process and the version of Node as labels.",
    type: "gauge",
    read: () => [{ labels: { process: name, version, node: process.versions.node }, value: 1 }],
  });
  readFamily(environment.metrics, {
    name: "parley_config_info",
    help: "Constant 1, with the main settings of the process as labels.",
    type: "gauge",
    read: () => [{ labels: configLabels(values), value: 1 }],
  });
  const instanceId = environment.newId();
  const config = otlpConfig(values, { name, version, instanceId });
  if (!values.TELEMETRY && config === undefined) {
    return { environment, close: async () => {} };
  }
  let exporters: Exporters | undefined;
  // The recorder and the exporters need each other: the exporters are created later.
  const sink = { add: (span: RecordedSpan) => exporters?.spans?.add(span) };
  const recorder = new Recorder(environment, {
    process: name,
    payloads: values.TELEMETRY_PAYLOADS,
    slowMs: values.TELEMETRY_SLOW_MS,
    ...(config?.traces === undefined ? {} : { sampler: samplerOf(values), sink }),
  });
  if (config !== undefined) {
    // Loaded on demand: its cost is noticeable in a small service.
    const { openExporters } = await import("../telemetry/otlp/open-exporters.ts");
    exporters = openExporters(config, {
      environment,
      epochMs: (ms) => recorder.epochMs(ms),
      traceparentOf: (span) => recorder.traceparentOf(span as RecordedSpan),
    });
    const { logs } = exporters;
    if (logs !== undefined) {
      teeLog(environment.log, (line) => logs.add(line));
    }
  }
  return {
    environment: { ...environment, recorder },
    close: async () => exporters?.close(closeMs),
  };
}

/** Settings with few possible values, and without secrets. */
function configLabels(values: TelemetryValues & Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const word = (name: string) => (typeof values[name] === "string" ? (values[name] as string) : "");
  return {
    auth: word("AUTH"),
    http2: word("HTTP2_IMPLEMENTATION"),
    rpc_path: word("RPC_PATH"),
    tls: String(values.TLS_CERT_FILE !== undefined),
    store: word("DATABASE_URL").split(":")[0] ?? "",
    broker: word("BROKER_URL").split(":")[0] ?? "",
    sampler: values.OTEL_TRACES_SAMPLER,
    otlp: String(otlpConfig(values, { name: "", version: "", instanceId: "" }) !== undefined),
  };
}
