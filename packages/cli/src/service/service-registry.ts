import { fileURLToPath } from "node:url";
import { processes } from "@parley/gen/services.js";

/** A service that `parley up` starts as a process of its own. */
export interface ServiceDefinition {
  readonly name: string;
  /** The file that Node runs. */
  readonly main: string;
  /** The port without `--port-offset`. */
  readonly port: number;
  /** The contracts that it serves, besides health and reflection. */
  readonly contracts: readonly string[];
  /** The services that it calls. */
  readonly calls: readonly string[];
  /** Whether it has a database in the data folder. */
  readonly database: boolean;
  /** The service that this process is a further replica of. Undefined for the first. */
  readonly replicaOf?: string;
  /** Variables that it needs besides those of every service. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The platform, from the package.json files of packages/, callees before their callers. */
export const services: readonly ServiceDefinition[] = processes.map(
  ({ name, main, port, contracts, calls, database }) => ({
    name,
    main: fileURLToPath(new URL(`../../../../${main}`, import.meta.url)),
    port,
    contracts,
    calls,
    database,
  }),
);

/**
 * The services with these names, in the registry's order.
 * @throws UnknownServiceError naming each name that is not a service.
 */
export function selectServices(
  all: readonly ServiceDefinition[],
  names: readonly string[] | undefined,
): readonly ServiceDefinition[] {
  if (names === undefined) {
    return all;
  }
  const known = new Set(all.map((service) => service.name));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0 || names.length === 0) {
    throw new UnknownServiceError(unknown, [...known]);
  }
  return all.filter((service) => names.includes(service.name));
}

/** `--only` contains an unknown service. */
export class UnknownServiceError extends Error {
  constructor(unknown: readonly string[], known: readonly string[]) {
    super(
      unknown.length === 0
        ? `Name at least one service. The services are ${known.join(", ")}.`
        : `There is no service ${unknown.map((name) => `"${name}"`).join(" or ")}. The services are ${known.join(", ")}.`,
    );
    this.name = "UnknownServiceError";
  }
}
