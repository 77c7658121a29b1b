import { connect, createServer, type Socket } from "node:net";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { type EchoServer, serveEcho } from "../../../server/echo-fixture.ts";
import { testEnvironment } from "../../client-fixture.ts";
import { listen, type TestServer } from "../../wire/wire-fixture.ts";
import { createWireTransport } from "../../wire/wire-transport.ts";
import type { ChannelOptions } from "../channel.ts";
import { ConnectionPool } from "../connection-pool.ts";

/** For tests: limits of a server that sheds no load. On a busy machine responses are late, which must not fail a test of something else. */
export const patientLimits = { queueAgeMaxMs: 600_000, readBacklogMaxMs: 600_000 } as const;

/** For tests: an echo server that counts its calls, and fails or delays them on request. */
export interface Replica {
  readonly port: number;
  /** `127.0.0.1:port`. */
  readonly address: string;
  readonly echo: EchoServer;
  calls: number;
  behaviour: "answers" | "fails" | "never answers";
}

export async function replica({ config, ...options }: Parameters<typeof serveEcho>[0] = {}): Promise<Replica> {
  const state = { calls: 0, behaviour: "answers" as Replica["behaviour"] };
  const echo = await serveEcho({
    echo: async ({ message }) => {
      state.calls++;
      if (state.behaviour === "fails") {
        throw new ConnectError("no disk", Code.Internal);
      }
      if (state.behaviour === "never answers") {
        await new Promise(() => {});
      }
      return { message };
    },
    ...options,
    config: { ...config, limits: { ...patientLimits, ...config?.limits } },
  });
  const { port } = echo.server;
  return Object.assign(state, { echo, port, address: `127.0.0.1:${port}` });
}

/** For tests: a client of the echo service without retries, so that each failure is visible. */
export function bareClient(target: string, options: ChannelOptions = {}) {
  const environment = testEnvironment({ random: Math.random });
  const pool = new ConnectionPool(environment);
  const client: Client<typeof EchoService> = createClient(
    EchoService,
    createWireTransport(pool.channel(target, { slowStartMs: 0, ...options }), environment.clock),
  );
  return { client, pool, environment };
}

/** For tests: makes this many concurrent calls without a pause, until it is stopped. */
export function load(call: () => Promise<unknown>, concurrency = 8) {
  const failures: ConnectError[] = [];
  let count = 0;
  let stopped = false;
  const loops = Array.from({ length: concurrency }, async () => {
    while (!stopped) {
      await call().then(
        () => count++,
        (error) => failures.push(ConnectError.from(error)),
      );
      // So that timers and sockets are handled between calls.
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  return {
    failures,
    get count() {
      return count;
    },
    async stop() {
      stopped = true;
      await Promise.all(loops);
    },
  };
}

/** For tests: a proxy to a server that forwards nothing while it is held, like an open connection to a stopped process. */
export async function holdingProxy(port: number): Promise<TestServer & { held: boolean }> {
  const sockets = new Set<Socket>();
  let held = false;
  const proxy = createServer((socket) => {
    const upstream = connect(port, "127.0.0.1");
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => other.destroy());
      one.on("data", (bytes) => other.write(bytes));
      if (held) {
        one.pause();
      }
    }
  });
  return {
    ...(await listen(proxy)),
    get held() {
      return held;
    },
    set held(value) {
      held = value;
      for (const socket of sockets) {
        held ? socket.pause() : socket.resume();
      }
    },
  };
}
