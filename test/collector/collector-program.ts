import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../processes/free-port.ts";
import { type FoundProgram, goProgram } from "../processes/go-program.ts";
import { type Program, program } from "../processes/program.ts";
import {
  type CollectedLog,
  type CollectedMetric,
  type CollectedSpan,
  logsIn,
  metricsIn,
  spansIn,
} from "./otlp-json.ts";

/** The OpenTelemetry Collector, built from `go/`. The first build takes minutes. */
export function collectorProgram(): Promise<FoundProgram> {
  return goProgram({
    name: "collector",
    sources: fileURLToPath(new URL("go", import.meta.url)),
    target: ".",
    cache: "collector",
  });
}

/** A running OpenTelemetry Collector that takes OTLP over HTTP, and writes what it took to files. */
export interface Collector {
  readonly url: string;
  readonly program: Program;
  spans(): Promise<readonly CollectedSpan[]>;
  logs(): Promise<readonly CollectedLog[]>;
  metrics(): Promise<readonly CollectedMetric[]>;
  dispose(): Promise<void>;
}

/** Starts the Collector at `path`, on a free local port. */
export async function startCollector(path: string): Promise<Collector> {
  const folder = await mkdtemp(join(tmpdir(), "parley-collector-"));
  const url = `http://127.0.0.1:${await freePort()}`;
  await writeFile(join(folder, "config.yaml"), JSON.stringify(configuration(folder, new URL(url).host)));
  const collector = program({
    name: "collector",
    url,
    command: path,
    args: [`--config=file:${join(folder, "config.yaml")}`],
    isServing: async () => (await fetch(`${url}/v1/traces`, emptyRequest).catch(() => undefined))?.ok === true,
  });
  const lines = async (signal: string) => {
    const text = await readFile(join(folder, `${signal}.json`), "utf8").catch(() => "");
    return text.split("\n").flatMap(parsed);
  };
  try {
    await collector.start();
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    url,
    program: collector,
    spans: async () => spansIn(await lines("traces")),
    logs: async () => logsIn(await lines("logs")),
    metrics: async () => metricsIn(await lines("metrics")),
    async dispose() {
      await collector.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The last line may be incomplete, and so may one that the Collector wrote when it was killed. */
function parsed(line: string): readonly unknown[] {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}

const emptyRequest = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };

/** As in deploy/collector, with files as the backend. JSON is valid YAML. */
function configuration(folder: string, endpoint: string): unknown {
  const signals = ["traces", "logs", "metrics"] as const;
  const file = (signal: string) => ({ path: join(folder, `${signal}.json`), append: true, flush_interval: "100ms" });
  return {
    receivers: { otlp: { protocols: { http: { endpoint } } } },
    processors: { memory_limiter: { check_interval: "1s", limit_mib: 256 }, batch: { timeout: "50ms" } },
    exporters: Object.fromEntries(signals.map((signal) => [`file/${signal}`, file(signal)])),
    service: {
      telemetry: { metrics: { level: "none" }, logs: { level: "warn" } },
      pipelines: Object.fromEntries(
        signals.map((signal) => [
          signal,
          { receivers: ["otlp"], processors: ["memory_limiter", "batch"], exporters: [`file/${signal}`] },
        ]),
      ),
    },
  };
}
