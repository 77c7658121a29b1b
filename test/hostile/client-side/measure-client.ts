import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { peakBytes, resetPeak, residentBytes } from "../harness/process-probe.ts";
import type { ClientSideRow } from "../harness/row.ts";
import { askMonitor } from "../harness/target-process.ts";
import type { ClientCalls, ClientOutcome } from "./client-process.ts";
import { type Malice, malices } from "./malices.ts";

const heapMb = 256;
/** The deadline of each call, in milliseconds. */
const timeoutMs = 700;
const concurrent = 4;
/** The client counts as hung after this time for the calls of one kind. */
const hungMs = 60_000;

/** Every combination of protocol, HTTP version and codec that the client supports. */
const ways: readonly Pick<ClientCalls, "protocol" | "httpVersion" | "codec">[] = [
  { protocol: "grpc", httpVersion: "2", codec: "proto" },
  { protocol: "connect", httpVersion: "2", codec: "json" },
  { protocol: "connect", httpVersion: "1.1", codec: "json" },
  { protocol: "grpc-web", httpVersion: "2", codec: "proto" },
  { protocol: "connect", httpVersion: "2", codec: "proto" },
  { protocol: "connect", httpVersion: "1.1", codec: "proto" },
  { protocol: "grpc", httpVersion: "2", codec: "json" },
];

/** The names of the attacks by a malicious server. */
export const clientAttacks: readonly string[] = malices.map(({ name }) => `malicious-server/${name}`);

/** Runs one attack: the client, in a process with a small heap, calls the server in several ways. */
export async function measureClient(
  attack: string,
  { seed, waysMax }: { readonly seed: number; readonly waysMax: number },
): Promise<ClientSideRow> {
  const malice = malices.find(({ name }) => `malicious-server/${name}` === attack) as Malice;
  const [server, client] = [start("malicious-server-process.ts", []), startClient()];
  let current = client;
  const findings: string[] = [];
  const codes = new Set<string>();
  const worst = { overrunMs: 0, overrunOwnMs: 0, blockedMs: 0, grownBytes: 0 };
  let latest = "";
  let done = 0;
  try {
    for (const calls of chosen(malice, seed, waysMax)) {
      const what = `${calls.method} ${calls.protocol}/${calls.httpVersion} ${calls.codec}`;
      const { url } = (await ask(server, { malice: malice.name, calls })) as { readonly url: string };
      // The first call of each kind loads code.
      await warm(current);
      await askMonitor(current, "reset");
      const pid = current.pid ?? 0;
      resetPeak(pid);
      const before = residentBytes(pid);
      const outcome = await outcomeOf(current, { ...calls, url });
      done++;
      if (outcome === undefined) {
        findings.push(
          `${what}: the client ${current.exitCode === null && current.signalCode === null ? "hung" : "died"}`,
        );
        current.kill("SIGKILL");
        current = startClient();
        continue;
      }
      const reading = await askMonitor(current, "read");
      if (outcome.overrunMs > worst.overrunMs) latest = what;
      worst.overrunMs = Math.max(worst.overrunMs, outcome.overrunMs);
      worst.overrunOwnMs = Math.max(worst.overrunOwnMs, outcome.overrunOwnMs);
      worst.blockedMs = Math.max(worst.blockedMs, reading?.blockedMaxMs ?? 0);
      worst.grownBytes = Math.max(worst.grownBytes, peakBytes(pid) - before);
      for (const code of outcome.codes) {
        codes.add(code);
        if (malice.expected?.includes(code) === false) findings.push(`${what}: ${code}, expected ${malice.expected}`);
      }
    }
  } finally {
    server.kill("SIGKILL");
    current.kill("SIGKILL");
  }
  return {
    attack,
    ...worst,
    findings,
    note: `${done} ways: ${[...codes].join(", ")}${latest === "" ? "" : `; latest ${latest}`}`,
  };
}

/** Ways that the behaviour applies to, rotated by the seed so that all of them are used over several runs. */
function chosen(
  { onCall1, onCall2, onConnection2, first2 }: Malice,
  seed: number,
  waysMax: number,
): Omit<ClientCalls, "url">[] {
  const over1 = onCall1 !== undefined;
  const over2 = onCall2 !== undefined || onConnection2 !== undefined || first2 !== undefined;
  const silent = !over1 && !over2;
  const fitting = ways
    .filter(({ httpVersion }) => silent || (httpVersion === "2" ? over2 : over1))
    .flatMap((way) =>
      (["unary", "stream", "bidi"] as const)
        .filter((method) => method !== "bidi" || way.httpVersion === "2")
        .map((method) => ({ ...way, method, concurrent, timeoutMs })),
    );
  // A step that is coprime to the count visits all entries before it repeats.
  return Array.from(
    { length: Math.min(waysMax, fitting.length) },
    (_, index) => fitting[(seed + index * 5) % fitting.length] as (typeof fitting)[number],
  );
}

async function outcomeOf(client: ChildProcess, calls: ClientCalls): Promise<ClientOutcome | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => end(undefined), hungMs);
    const onMessage = (message: { readonly outcome?: ClientOutcome }) =>
      message.outcome !== undefined && end(message.outcome);
    const onExit = () => end(undefined);
    function end(outcome: ClientOutcome | undefined) {
      clearTimeout(timer);
      client.off("message", onMessage).off("exit", onExit);
      resolve(outcome);
    }
    client.on("message", onMessage).on("exit", onExit);
    if (client.connected) client.send({ calls });
    else end(undefined);
  });
}

const warmed = new WeakSet<ChildProcess>();

/** Lets a new client fail one call, so that its code is loaded. */
async function warm(client: ChildProcess): Promise<void> {
  if (warmed.has(client)) return;
  warmed.add(client);
  for (const { protocol, httpVersion, codec } of ways.slice(0, 4)) {
    await outcomeOf(client, {
      url: "http://127.0.0.1:9",
      protocol,
      httpVersion,
      codec,
      method: "stream",
      concurrent: 1,
      timeoutMs: 200,
    });
  }
}

function startClient(): ChildProcess {
  const monitor = fileURLToPath(new URL("../harness/loop-monitor.ts", import.meta.url));
  return start("client-process.ts", [`--max-old-space-size=${heapMb}`, "--import", monitor]);
}

function start(file: string, execArgv: string[]): ChildProcess {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [], {
    execArgv,
    stdio: ["ignore", "inherit", "ignore", "ipc"],
  });
  child.on("error", () => {});
  return child;
}

async function ask(child: ChildProcess, message: object): Promise<unknown> {
  const answered = once(child, "message");
  child.send(message);
  return (await answered)[0];
}
