import { connect } from "node:net";
import { findRedisServer } from "@parley/events/testing";
import { freePort } from "./free-port.ts";
import { type Program, program } from "./program.ts";

export { findRedisServer };

/** The timeout of one PING to Redis before it is retried, in milliseconds. */
const pingMaxMs = 500;

/** A separate `redis-server` that persists its data to a folder, as in production. Not started yet. */
export async function redisProgram(command: string, folder: string): Promise<Program> {
  const port = await freePort();
  return program({
    name: "redis",
    url: `redis://127.0.0.1:${port}`,
    command,
    args: [
      ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder],
      ...["--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--daemonize", "no"],
    ],
    isServing: () => answersPing(port),
  });
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (pong: boolean) => {
      socket.destroy();
      resolve(pong);
    };
    socket.setTimeout(pingMaxMs, () => answer(false));
    // While Redis loads its data, it responds with an error.
    socket.on("data", (data) => answer(data.toString().startsWith("+PONG")));
    socket.on("error", () => answer(false));
    socket.on("close", () => answer(false));
    socket.write("PING\r\n");
  });
}
