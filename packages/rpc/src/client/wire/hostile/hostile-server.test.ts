import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Code, createClient } from "@connectrpc/connect";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { rejection, testEnvironment } from "../../client-fixture.ts";
import { ConnectionPool } from "../../connection/connection-pool.ts";
import { createWireTransport } from "../wire-transport.ts";

/** The client's deadline for an endless call, in milliseconds. */
const timeoutMs = 300;
/** The CPU time of its thread that a call may take beyond its deadline, in milliseconds. */
const overtimeMs = 100;
/** How long other work in the process may wait for the thread, in CPU time, in milliseconds. */
const heldMsMax = 100;

/** A measurement is repeated before it counts: garbage collection and other processes disturb a single one. */
const measured = { retry: 2 };

const dialects = ["grpc/2", "grpc-web/2", "connect/2", "grpc-web/1.1", "connect/1.1"] as const;

const attacks = [
  "pieces of one byte without end",
  "empty messages without end",
  "gzip bombs without end",
  "messages of a million elements without end",
  "a length without its message",
  "interim responses without end",
  "headers without end",
  "trailers without end",
  "silence",
  "silence after the headers",
] as const;

const onePieceEach = "a message in pieces of one byte";

const unaryDialects = ["grpc/2", "connect-unary/2", "connect-unary/1.1"] as const;
const unaryAttacks = [
  "pieces of one byte without end",
  "one message of a million elements",
  "one gzip bomb",
  "a length without its message",
  "interim responses without end",
  "headers without end",
  "trailers without end",
  "silence",
  "silence after the headers",
] as const;

const urls = new Map<string, string>();
let child: ChildProcess;
beforeAll(async () => {
  const of = (dialect: string, names: readonly string[]) => names.map((attack) => [attack, dialect] as const);
  const pairs = [
    ...dialects.flatMap((dialect) => of(dialect, [...attacks, onePieceEach])),
    ...unaryDialects.flatMap((dialect) => of(dialect, unaryAttacks)),
  ];
  const file = join(import.meta.dirname, "hostile-server.ts");
  child = spawn(process.execPath, ["--no-warnings", file, ...pairs.flat()], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  const ports = JSON.parse(String(line)) as number[];
  for (const [index, pair] of pairs.entries()) {
    urls.set(pair.join(), `http://127.0.0.1:${ports[index]}`);
  }
});
afterAll(() => child.kill());

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) {
    close();
  }
});

function clientOf(attack: string, dialect: string) {
  const url = urls.get([attack, dialect].join()) as string;
  const environment = testEnvironment();
  const pool = new ConnectionPool(environment);
  closing.push(() => pool.close());
  const [protocol, httpVersion] = dialect.replace("-unary", "").split("/") as [
    "grpc" | "grpc-web" | "connect",
    "1.1" | "2",
  ];
  return createClient(
    OrderService,
    createWireTransport(pool.channel(url, { connectTimeoutMs: 60_000 }), environment.clock, { protocol, httpVersion }),
  );
}

/** The thread's CPU time, in milliseconds: unaffected by other processes. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The longest time that the thread was busy. */
function watchThread(): () => number {
  let longestMs = 0;
  let lastMs = cpuMs();
  const look = () => {
    const nowMs = cpuMs();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  };
  const timer = setInterval(look, 5);
  return () => {
    clearInterval(timer);
    look();
    return longestMs;
  };
}

function memoryBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Makes a call that must fail within its limits. Returns the code. */
async function outcome(call: () => Promise<unknown>, cpuMsMax = timeoutMs + overtimeMs): Promise<Code> {
  const memoryBefore = memoryBytes();
  const longest = watchThread();
  const startMs = cpuMs();
  const error = await rejection(call());
  expect(cpuMs() - startMs).toBeLessThan(cpuMsMax);
  expect(longest()).toBeLessThan(heldMsMax);
  expect(memoryBytes() - memoryBefore).toBeLessThan(128 << 20);
  return error.code;
}

for (const dialect of unaryDialects) {
  describe(`a unary call over ${dialect} whose server sends`, () => {
    it.each(unaryAttacks)(
      "%s ends by its deadline, leaves the thread to others, and takes bounded memory",
      measured,
      async (attack) => {
        const client = clientOf(attack, dialect);
        const ends = attack.startsWith("one ");
        const options = { timeoutMs: ends ? 30_000 : timeoutMs };
        // A call that waits long for a busy machine also pays for the timer that watches the thread.
        const code = await outcome(() => client.getOrder({}, options), ends ? 2_000 : undefined);
        if (ends) {
          expect(code).toBe(Code.ResourceExhausted);
        } else if (attack.startsWith("silence")) {
          expect(code).toBe(Code.DeadlineExceeded);
        }
      },
    );
  });
}

for (const dialect of dialects) {
  describe(`a stream over ${dialect} whose server sends`, () => {
    it.each(attacks)(
      "%s ends by its deadline, leaves the thread to others, and takes bounded memory",
      measured,
      async (attack) => {
        const client = clientOf(attack, dialect);
        const code = await outcome(async () => {
          for await (const _ of client.watchOrders({}, { timeoutMs })) {
            // Read as fast as they arrive.
          }
        });
        if (
          attack.startsWith("silence") ||
          attack === "a length without its message" ||
          attack === "empty messages without end"
        ) {
          expect(code).toBe(Code.DeadlineExceeded);
        }
      },
    );

    it("a message in pieces of one byte gets it, in time linear in its bytes", measured, async () => {
      const client = clientOf(onePieceEach, dialect);
      const startMs = cpuMs();
      const stop = new AbortController();
      for await (const { position } of client.watchOrders({}, { timeoutMs: 60_000, signal: stop.signal })) {
        expect(position.length).toBe(120_000);
        break;
      }
      expect(cpuMs() - startMs).toBeLessThan(2_000);
      stop.abort();
    });
  });
}
