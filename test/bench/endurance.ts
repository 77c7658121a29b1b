import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { echoPath } from "./contract.ts";
import { load } from "./load.ts";
import { type Memory, type PinnedProcess, startPinned } from "./pinned-process.ts";
import { scenarios } from "./scenarios.ts";
import { printTable } from "./table.ts";

/**
 * `npm run bench:endurance`: the heap over millions of calls, the memory of idle connections, and the latency under half of the
 * load that grpc-js can serve. `--calls 10000000`, `--connections 10000`, `--seconds 10`; `--only idle`, `latency` or `heap`
 * runs one of the three.
 */
const { values: options } = parseArgs({
  options: {
    calls: { type: "string", default: "10000000" },
    connections: { type: "string", default: "10000" },
    seconds: { type: "string", default: "10" },
    only: { type: "string" },
  },
});

const heapReport = join(import.meta.dirname, "heap-report.ts");
const contenders = join(import.meta.dirname, "contenders");
const grpc = scenarios.find(({ name }) => name === "gRPC");
if (grpc === undefined) {
  throw new Error("there is no gRPC scenario");
}
const { contentType } = grpc;
const body = grpc.body(158);

/** The client's preface and an empty SETTINGS frame (RFC 9113, section 3.4): the only bytes that an idle connection sends. */
const preface = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
/** The maximum number of connections opened at once: fewer than the listen backlog. */
const openingAtOnce = 200;
const idleBytesMax = 25 * 1024;

async function heapOverCalls(callsMax: number): Promise<void> {
  const server = await startPinned(join(contenders, "parley.ts"), { args: ["full"], imports: [heapReport] });
  const rows: string[][] = [];
  let calls = 0;
  const note = ({ heapBytes, residentBytes }: Memory) =>
    rows.push([calls.toLocaleString("en"), mebibytes(heapBytes), mebibytes(residentBytes)]);
  await loadFor(server, 5);
  note(await server.memory());
  while (calls < callsMax) {
    calls += (await loadFor(server, Number(options.seconds))).calls;
    note(await server.memory());
  }
  await server.stop();
  const shown = [rows[0], rows[Math.floor(rows.length / 2)], rows.at(-1)].filter((row) => row !== undefined);
  printTable(["gRPC calls, everything on", "heap MiB", "resident MiB"], shown);
}

async function idleConnections(count: number): Promise<void> {
  const server = await startPinned(join(contenders, "parley.ts"), {
    imports: [heapReport],
    env: { UV_THREADPOOL_SIZE: "1" },
  });
  await loadFor(server, 2);
  const before = await server.memory();
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(openingAtOnce, count - sockets.length) }, () => opened(server.port));
    sockets.push(...(await Promise.all(some)));
  }
  const after = await server.memory();
  const bytes = (after.residentBytes - before.residentBytes) / count;
  console.log(`${count} idle HTTP/2 connections: ${(bytes / 1024).toFixed(1)} KiB each`);
  console.log(`${bytes <= idleBytesMax ? "ok  " : "MISS"} an idle connection takes at most ${idleBytesMax / 1024} KiB`);
  for (const socket of sockets) {
    socket.destroy();
  }
  await server.stop();
}

/** A connection whose server has sent its SETTINGS. */
async function opened(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.write(preface);
  await once(socket, "data");
  socket.pause();
  return socket;
}

async function latencyUnderHalfLoad(): Promise<void> {
  const rival = await startPinned(join(contenders, "grpc-js.ts"));
  const ours = await startPinned(join(contenders, "parley.ts"), { args: ["full"] });
  await loadFor(ours, 5);
  await loadFor(rival, 5);
  const callsPerSecond = (await loadFor(rival, Number(options.seconds))).callsPerSecond / 2;
  const rows: string[][] = [];
  const p99: number[][] = [[], []];
  for (let round = 0; round < 3; round++) {
    for (const [index, [name, server]] of (
      [
        ["parley, everything on", ours],
        ["grpc-js", rival],
      ] as const
    ).entries()) {
      const result = await loadFor(server, Number(options.seconds), callsPerSecond);
      p99[index]?.push(result.p99Ms);
      rows.push([name, result.callsPerSecond.toFixed(0), result.p50Ms.toFixed(2), result.p99Ms.toFixed(2)]);
    }
  }
  await Promise.all([rival.stop(), ours.stop()]);
  printTable(["half of grpc-js's full load", "calls/s", "p50 ms", "p99 ms"], rows);
  const [oursP99 = Number.NaN, rivalP99 = Number.NaN] = p99.map((values) => values.toSorted((a, b) => a - b)[1]);
  const verdict = oursP99 <= rivalP99 ? "ok  " : "MISS";
  console.log(`${verdict} p99 against grpc-js's: ${(oursP99 / rivalP99).toFixed(2)}; the goal is at most 1`);
}

function loadFor(server: PinnedProcess, seconds: number, callsPerSecond?: number) {
  const url = `http://127.0.0.1:${server.port}${echoPath}`;
  return load({
    url,
    contentType,
    body,
    httpVersion: 2,
    seconds,
    ...(callsPerSecond === undefined ? {} : { callsPerSecond }),
  });
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  idle: () => idleConnections(Number(options.connections)),
  latency: latencyUnderHalfLoad,
  heap: () => heapOverCalls(Number(options.calls)),
};
for (const [name, part] of Object.entries(parts)) {
  if (options.only === undefined || options.only === name) {
    await part();
    console.log();
  }
}
