import type { ProcessDependencies } from "@parley/gen/rpc/v1/telemetry_pb.js";
import type { ServiceInfo } from "../session/session.ts";

/** The position of a process on the map. */
export interface MapNode {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

export interface MapLayout {
  readonly nodes: ReadonlyMap<string, MapNode>;
  readonly width: number;
  readonly height: number;
}

export const nodeWidth = 148;
export const nodeHeight = 58;
const columnGap = 92;
/** The height of a store below its process. */
export const storeHeight = 22;
const rowGap = 40;
const margin = 14;

/** The node for all external callers. */
export const outside = "callers";
export const gateway = "gateway";

/** The services, and the brokers between those that publish events and those that only consume them. */
export function withBrokers(
  services: readonly ServiceInfo[],
  dependencies: readonly Pick<ProcessDependencies, "process" | "broker">[],
): readonly ServiceInfo[] {
  const members = new Map<string, Set<string>>();
  for (const { process, broker } of dependencies) {
    if (broker !== "" && broker !== "direct") {
      members.set(broker, (members.get(broker) ?? new Set()).add(process));
    }
  }
  if (members.size === 0) {
    return services;
  }
  const found: ServiceInfo[] = [];
  for (const service of services) {
    const broker = [...members].find(
      ([, processes]) => processes.has(service.name) && service.calls.some((name) => processes.has(name)),
    )?.[0];
    found.push(broker === undefined ? service : { ...service, calls: [...service.calls, broker] });
  }
  for (const [broker, processes] of members) {
    const calls = services.filter(
      ({ name, calls }) => processes.has(name) && !calls.some((other) => processes.has(other)),
    );
    found.push({ name: broker, calls: calls.map(({ name }) => name), database: false });
  }
  return found;
}

/** Places callers to the left of their callees, by the longest path from the gateway. */
export function layOut(services: readonly ServiceInfo[]): MapLayout {
  const names = new Set(services.map(({ name }) => name));
  const depths = new Map<string, number>();
  const depthOf = (name: string, path: readonly string[] = []): number => {
    const known = depths.get(name);
    if (known !== undefined || path.includes(name)) {
      return known ?? 0;
    }
    const callers = services.filter(({ calls }) => calls.includes(name)).map((service) => service.name);
    const depth = 2 + Math.max(0, ...callers.map((caller) => depthOf(caller, [...path, name]) - 1));
    depths.set(name, depth);
    return depth;
  };
  const columns: string[][] = [[outside], [gateway]];
  for (const name of names) {
    const depth = depthOf(name);
    columns[depth] = [...(columns[depth] ?? []), name];
  }
  const rowsMax = Math.max(...columns.map((column) => column?.length ?? 0));
  const height = margin * 2 + rowsMax * nodeHeight + (rowsMax - 1) * rowGap + storeHeight;
  const nodes = new Map<string, MapNode>();
  for (const [column, members] of columns.entries()) {
    const free = height - storeHeight - members.length * nodeHeight - (members.length - 1) * rowGap;
    for (const [row, name] of members.entries()) {
      nodes.set(name, {
        name,
        x: margin + column * (nodeWidth + columnGap),
        // The last column is shifted by half a row, so that the previous column does not hide its edges.
        y: free / 2 + (row + (column === columns.length - 1 ? 0.5 : 0)) * (nodeHeight + rowGap),
      });
    }
  }
  return { nodes, width: margin * 2 + columns.length * nodeWidth + (columns.length - 1) * columnGap, height };
}
