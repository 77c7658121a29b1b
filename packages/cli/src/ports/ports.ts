import { createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { findPortUse } from "./find-port-use.ts";
import type { PortUse } from "./port-use.ts";

/** A port that a service cannot listen on. */
export interface TakenPort {
  readonly service: ServiceDefinition;
  readonly port: number;
  /** The system's code, for example `EADDRINUSE`. */
  readonly code: string;
  readonly use: PortUse;
}

/** The offsets that are tried, in steps of 100: ten are enough for stacks side by side. */
const offsets = Array.from({ length: 10 }, (_, index) => (index + 1) * 100);

/**
 * How long a port may be in use without a listener before it counts as taken, in milliseconds: an outgoing connection of
 * another program can have a port of the ephemeral range for a moment.
 */
const transientMaxMs = 5_000;
const pauseMs = 100;

/** The services that cannot listen on their port now, and the reasons. */
export async function findTakenPorts(
  services: readonly ServiceDefinition[],
  { host, portOffset }: { readonly host: string; readonly portOffset: number },
): Promise<readonly TakenPort[]> {
  const taken = await Promise.all(
    services.map(async (service): Promise<TakenPort | undefined> => {
      const port = service.port + portOffset;
      const code = await lastingListenError(port, host);
      return code === undefined ? undefined : { service, port, code, use: await findPortUse(port) };
    }),
  );
  return taken.filter((one) => one !== undefined);
}

/** The reason why a port cannot be listened on, after waiting for a temporary use; undefined if it can. */
async function lastingListenError(port: number, host: string): Promise<string | undefined> {
  const endMs = performance.now() + transientMaxMs;
  let code = await listenError(port, host);
  while (code === "EADDRINUSE" && performance.now() < endMs && (await findPortUse(port)).kind !== "listening") {
    await wait(pauseMs);
    code = await listenError(port, host);
  }
  return code;
}

/** The smallest offset of 100, 200, … with only free ports; undefined if there is none. */
export async function findFreeOffset(
  services: readonly ServiceDefinition[],
  host: string,
): Promise<number | undefined> {
  for (const offset of offsets) {
    const errors = await Promise.all(services.map((service) => listenError(service.port + offset, host)));
    if (errors.every((code) => code === undefined)) {
      return offset;
    }
  }
  return undefined;
}

/** The reason why no process can listen on a port now: the system's code; undefined if one can. Does not dial the port. */
export function listenError(port: number, host: string): Promise<string | undefined> {
  if (port > 65_535) {
    return Promise.resolve("ERR_SOCKET_BAD_PORT");
  }
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
