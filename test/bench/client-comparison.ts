import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { onCore, startPinned } from "./pinned-process.ts";
import { median, printTable } from "./table.ts";

const run = promisify(execFile);

/** The medians of one client's rounds. */
export interface ClientRow {
  readonly client: string;
  readonly cpuMicrosPerCall: number;
  readonly callsPerSecond: number;
}

const clients = ["grpc-js", "parley grpc", "parley connect", "raw node:http2", "connect-node grpc"] as const;

/** The maximum CPU time of Parley's clients, relative to grpc-js. */
const bars: Readonly<Record<string, number>> = { "parley grpc": 0.6, "parley connect": 0.6 };

/** Compares the CPU time per call of several clients, against the same server. */
export async function compareClients({
  rounds,
  quick,
}: {
  readonly rounds: number;
  readonly quick: boolean;
}): Promise<readonly ClientRow[]> {
  const server = await startPinned(join(import.meta.dirname, "contenders", "parley.ts"), { core: 1 });
  const samples = new Map<string, { rate: number; cpu: number }[]>(clients.map((client) => [client, []]));
  for (let round = 0; round < rounds; round++) {
    for (const client of clients) {
      const calls = quick ? 10_000 : 60_000;
      const file = join(import.meta.dirname, "client-contender.ts");
      const command = [process.execPath, "--no-warnings", file, client, String(server.port), String(calls)];
      const [program = "node", ...args] = onCore(0, command);
      samples.get(client)?.push(JSON.parse((await run(program, args)).stdout) as { rate: number; cpu: number });
    }
  }
  await server.stop();
  const rows = clients.map((client) => ({
    client,
    cpuMicrosPerCall: median((samples.get(client) ?? []).map(({ cpu }) => cpu)),
    callsPerSecond: median((samples.get(client) ?? []).map(({ rate }) => rate)),
  }));
  console.log("\nclients, 158 characters, 64 in flight");
  printTable(
    ["client", "CPU µs/call", "calls/s"],
    rows.map((row) => [row.client, row.cpuMicrosPerCall.toFixed(1), Math.round(row.callsPerSecond)]),
  );
  const theirs = rows[0]?.cpuMicrosPerCall ?? Number.NaN;
  for (const { client, cpuMicrosPerCall } of rows) {
    const bar = bars[client];
    if (bar !== undefined) {
      const ratio = cpuMicrosPerCall / theirs;
      console.log(
        `${ratio <= bar ? "ok  " : "MISS"} ${client} takes ${ratio.toFixed(2)} × the CPU of grpc-js; the goal is ${bar}`,
      );
    }
  }
  return rows;
}
