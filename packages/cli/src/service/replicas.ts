import type { ServiceDefinition } from "./service-registry.ts";

/** The distance between the ports of two replicas: replica 2 listens 100 above the first. */
const portStep = 100;
/** Enough to try out replicas on one machine. */
const replicasMax = 9;

/** The value of `--replicas` is invalid. */
export class ReplicasError extends Error {
  override readonly name = "ReplicasError";
}

/** Reads `order=2,product=3`. Throws {@link ReplicasError}. */
export function parseReplicas(text: string, services: readonly ServiceDefinition[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const part of text.split(",").map((one) => one.trim())) {
    const [, name = "", count = ""] = /^([a-z][a-z0-9-]*)=(\d{1,3})$/.exec(part) ?? [];
    if (name === "") {
      throw new ReplicasError(`"${part}" is not service=count, for example order=2.`);
    }
    if (!services.some((service) => service.name === name)) {
      throw new ReplicasError(
        `There is no service "${name}". The services are ${services.map((service) => service.name).join(", ")}.`,
      );
    }
    if (Number(count) < 1 || Number(count) > replicasMax) {
      throw new ReplicasError(`${name}=${count}: the count must be from 1 to ${replicasMax}.`);
    }
    counts.set(name, Number(count));
  }
  return counts;
}

/** The services, and behind each its further replicas: `order-2` on the port of `order` + 100, and so on. */
export function withReplicas(
  services: readonly ServiceDefinition[],
  counts: ReadonlyMap<string, number>,
): readonly ServiceDefinition[] {
  return services.flatMap((service) => [
    service,
    ...Array.from({ length: (counts.get(service.name) ?? 1) - 1 }, (_, index) => ({
      ...service,
      name: `${service.name}-${index + 2}`,
      port: service.port + portStep * (index + 1),
      replicaOf: service.name,
    })),
  ]);
}

/** The name of the service that a process is a replica of: its own, for the first. */
export function serviceNameOf({ name, replicaOf }: Pick<ServiceDefinition, "name" | "replicaOf">): string {
  return replicaOf ?? name;
}
