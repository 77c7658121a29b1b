import { createServer } from "node:net";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { findPortOwner, type PortOwner } from "./port-owner.ts";

export interface TakenPort {
  readonly service: ServiceDefinition;
  readonly port: number;
  /** Who listens there, as far as this user may see. */
  readonly owner: PortOwner | undefined;
}

/** The offsets that are tried, in steps of 100: ten are enough for anybody's stacks side by side. */
const offsets = Array.from({ length: 10 }, (_, index) => (index + 1) * 100);

/** The services whose port somebody else listens on. */
export async function findTakenPorts(
  services: readonly ServiceDefinition[],
  { host, portOffset }: { readonly host: string; readonly portOffset: number },
): Promise<readonly TakenPort[]> {
  const taken: TakenPort[] = [];
  for (const service of services) {
    const port = service.port + portOffset;
    if (!(await isFree(port, host))) {
      taken.push({ service, port, owner: await findPortOwner(port) });
    }
  }
  return taken;
}

/** The smallest offset of 100, 200, … that leaves every port free; undefined if none does. */
export async function findFreeOffset(
  services: readonly ServiceDefinition[],
  host: string,
): Promise<number | undefined> {
  for (const offset of offsets) {
    const free = await Promise.all(services.map((service) => isFree(service.port + offset, host)));
    if (free.every(Boolean)) {
      return offset;
    }
  }
  return undefined;
}

function isFree(port: number, host: string): Promise<boolean> {
  if (port > 65_535) {
    return Promise.resolve(false);
  }
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
