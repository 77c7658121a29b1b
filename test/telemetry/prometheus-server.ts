import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../processes/free-port.ts";
import { type Program, program } from "../processes/program.ts";

const rulesFolder = fileURLToPath(new URL("../../deploy/prometheus/rules", import.meta.url));

export const hasPrometheus = spawnSync("prometheus", ["--version"]).status === 0;

/** A real Prometheus that scrapes processes once a second. */
export interface PrometheusServer {
  /** The current number of series of an expression. */
  count(expr: string): Promise<number>;
  /** The names of the firing alerts, each with its process. */
  firing(): Promise<ReadonlySet<string>>;
  exemplars(expr: string): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

/** The rules with shorter windows and delays: seconds for minutes. */
function shortened(rules: string, ratioWindow: string | undefined): string {
  const short = rules
    .replaceAll(/for: \d+m/g, "for: 0s")
    .replaceAll("[1m]", "[5s]")
    .replaceAll(/(age_seconds\)) > \d+/g, "$1 > 1");
  return ratioWindow === undefined ? short : short.replaceAll(/\[(?:5m|30m|1h|6h)\]/g, `[${ratioWindow}]`);
}

export interface PrometheusOptions {
  /** The window of error and latency ratios and of rates, for example `10s`. Default: those of the rules. */
  readonly ratioWindow?: string;
}

/** Starts it with the rules of deploy/. */
export async function startPrometheus(
  targets: readonly Program[],
  { ratioWindow }: PrometheusOptions = {},
): Promise<PrometheusServer> {
  const folder = await mkdtemp(join(tmpdir(), "parley-prometheus-"));
  await mkdir(join(folder, "rules"));
  for (const name of await readdir(rulesFolder)) {
    const rules = await readFile(join(rulesFolder, name), "utf8");
    await writeFile(join(folder, "rules", name), shortened(rules, ratioWindow));
  }
  const config = {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: ["rules/*.yml"],
    scrape_configs: [
      {
        job_name: "parley",
        static_configs: targets.map(({ name, url }) => ({ targets: [new URL(url).host], labels: { process: name } })),
      },
    ],
  };
  // JSON is valid YAML.
  await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config));
  const url = `http://127.0.0.1:${await freePort()}`;
  const server = program({
    name: "prometheus",
    url,
    command: "prometheus",
    args: [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=${new URL(url).host}`,
      "--enable-feature=exemplar-storage",
    ],
    isServing: async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok === true,
  });
  await server.start();
  const ask = async (path: string, query: Readonly<Record<string, string>>) => {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(query)}`);
    const { data, error } = (await response.json()) as { readonly data?: unknown; readonly error?: string };
    if (error !== undefined) {
      throw new Error(`${query.query}: ${error}`);
    }
    return data;
  };
  return {
    async count(expr) {
      const { result } = (await ask("query", { query: expr })) as { readonly result: readonly unknown[] };
      return result.length;
    },
    async firing() {
      const { alerts } = (await ask("alerts", {})) as {
        readonly alerts: readonly { readonly state: string; readonly labels: Readonly<Record<string, string>> }[];
      };
      const fires = alerts.filter(({ state }) => state === "firing");
      return new Set(fires.map(({ labels }) => `${labels.alertname} ${labels.process}`));
    },
    async exemplars(expr) {
      const now = Date.now() / 1_000;
      const found = (await ask("query_exemplars", {
        query: expr,
        start: String(now - 3_600),
        end: String(now + 60),
      })) as readonly { readonly exemplars: readonly { readonly labels: { readonly trace_id?: string } }[] }[];
      return found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.trace_id ?? ""));
    },
    async dispose() {
      await server.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
