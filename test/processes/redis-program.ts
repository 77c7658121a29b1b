import { connect } from "node:net";
import { findRedisServer } from "@parley/events/testing";
import { freePort } from "./free-port.ts";
import { type Program, program } from "./program.ts";

export { findRedisServer };

/** How long Redis may take over its first answer before it is asked again, in milliseconds. */
const pingMaxMs = 500;

/** A `redis-server` of a test's own that keeps its data in a folder, as it is run where data matter. Not started yet. */
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
    // While it loads its data it answers an error instead.
    socket.on("data", (data) => answer(data.toString().startsWith("+PONG")));
    socket.on("error", () => answer(false));
    socket.on("close", () => answer(false));
    socket.write("PING\r\n");
  });
}
