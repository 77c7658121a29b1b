import { createServer } from "node:net";

/**
 * Below the range of ephemeral ports: an outgoing connection could take such a port while its service is down, or even connect
 * to itself.
 */
const [firstPort, lastPort] = [15_000, 31_999];
const triesMax = 200;
const given = new Set<number>();

/** Returns a port that is free now, was not returned before in this process, and is outside the ephemeral range. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < triesMax; tries++) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort));
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no free port from ${firstPort} to ${lastPort} in ${triesMax} tries`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
