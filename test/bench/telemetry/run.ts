// `npm run bench:telemetry`: the cost of telemetry for a service under full load. Rounds are interleaved, one core for the server
// and one for the load. On a shared machine only the CPU time per call is reliable. `--rounds 5`, `--seconds 3`.
import { createServer } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { create, toBinary } from "@bufbuild/protobuf";
import { TelemetryService } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import { freePort } from "../../processes/free-port.ts";
import { echo, echoPath } from "../contract.ts";
import { load } from "../load.ts";
import { type PinnedProcess, startPinned } from "../pinned-process.ts";
import { median, printTable } from "../table.ts";

const { values: options } = parseArgs({ options: { rounds: { type: "string" }, seconds: { type: "string" } } });
const rounds = Number(options.rounds ?? 5);
const seconds = Number(options.seconds ?? 3);

interface Way {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly watchers: number;
  /** The minimum rate relative to no telemetry, by CPU time. */
  readonly atLeast: number;
}

const collector = createServer((request, response) => {
  request.resume();
  request.on("end", () => response.writeHead(200).end());
});
await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
const { port: collectorPort } = collector.address() as { port: number };
const exporting = (ratio: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collectorPort}`,
  OTEL_TRACES_SAMPLER: "traceidratio",
  OTEL_TRACES_SAMPLER_ARG: ratio,
});
const ways: readonly Way[] = [
  { name: "off", env: { TELEMETRY: "false" }, watchers: 0, atLeast: 1 },
  { name: "kept in memory", env: {}, watchers: 0, atLeast: 0.95 },
  { name: "1 % exported", env: exporting("0.01"), watchers: 0, atLeast: 0.95 },
  { name: "100 % exported", env: exporting("1"), watchers: 0, atLeast: 0.75 },
  { name: "5 watchers", env: {}, watchers: 5, atLeast: 0.9 },
];

interface Running extends Way {
  readonly process: PinnedProcess;
  readonly rates: number[];
  readonly cpu: number[];
}

const payload = 158;
const message = toBinary(echo.input, create(echo.input, { message: "x".repeat(payload) } as never));
const body = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
const stopWatching = new AbortController();
const running: Running[] = [];
for (const way of ways) {
  const port = await freePort();
  const env = { ...way.env, PORT: String(port), LOG_LEVEL: "info" };
  const process = await startPinned(join(import.meta.dirname, "server.ts"), { env, port });
  for (let watcher = 0; watcher < way.watchers; watcher++) {
    void watch(`http://127.0.0.1:${port}`);
  }
  running.push({ ...way, process, rates: [], cpu: [] });
}
// One additional round to warm up.
for (let round = 0; round <= rounds; round++) {
  for (const { process, rates, cpu } of running) {
    const before = await process.cpuMicros();
    const result = await load({
      url: `http://127.0.0.1:${process.port}${echoPath}`,
      contentType: "application/grpc+proto",
      body,
      httpVersion: 2,
      seconds,
    });
    if (round > 0) {
      rates.push(result.callsPerSecond);
      cpu.push(((await process.cpuMicros()) - before) / result.calls);
    }
  }
}
stopWatching.abort();
await Promise.all(running.map(({ process }) => process.stop()));
collector.closeAllConnections();
collector.close();

const [off] = running;
const offCpu = median(off?.cpu ?? []);
const rows = running.map(({ name, rates, cpu, atLeast }) => {
  const share = offCpu / median(cpu);
  return { name, rate: median(rates), cpu: median(cpu), share, atLeast };
});
printTable(
  ["telemetry", "calls/s", "CPU of a call, µs", "more, µs", "rate by CPU, of off", "goal"],
  rows.map(({ name, rate, cpu, share, atLeast }) => [
    name,
    Math.round(rate).toLocaleString("en-US"),
    cpu.toFixed(2),
    (cpu - offCpu).toFixed(2),
    share.toFixed(2),
    `${share >= atLeast - 0.005 ? "met" : "MISSED"} (${atLeast})`,
  ]),
);

async function watch(url: string): Promise<void> {
  const environment = systemEnvironment({ name: "bench", logLevel: "silent" });
  const client = createServiceClient(TelemetryService, url, { environment });
  try {
    for await (const _ of client.watchCalls({}, { signal: stopWatching.signal })) {
      // Discards the body.
    }
  } catch {
    // The connection ended with the benchmark.
  }
}
