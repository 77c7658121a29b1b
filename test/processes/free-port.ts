import { createServer } from "node:net";

/**
 * Below the range from which systems take the ports of outgoing connections: such a port could be taken by a connection while
 * its service is down, and a connection to it could even meet itself.
 */
const [firstPort, lastPort] = [15_000, 31_999];
const triesMax = 200;
const given = new Set<number>();

/** A port that is free now, was not given before in this process, and that no outgoing connection will take. */
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
