import { fileURLToPath } from "node:url";

/** A service that `parley up` starts as a process of its own. */
export interface ServiceDefinition {
  readonly name: string;
  /** The file that Node runs. */
  readonly main: string;
  /** The port where `--port-offset` is 0. */
  readonly port: number;
  /** The contracts that it serves, besides health and reflection. */
  readonly contracts: readonly string[];
  /** The services that it calls. */
  readonly calls: readonly string[];
  /** Whether it keeps a database in the data folder. */
  readonly database: boolean;
  /** Variables that it needs besides those that every service is given. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The platform, a line for each service. */
export const services: readonly ServiceDefinition[] = [
  {
    name: "user",
    main: mainOf("user"),
    port: 50051,
    contracts: ["user.v1.UserService"],
    calls: ["notification"],
    database: true,
  },
  {
    name: "product",
    main: mainOf("product"),
    port: 50052,
    contracts: ["product.v1.ProductService", "product.v1.InventoryService"],
    calls: ["notification"],
    database: true,
  },
  {
    name: "order",
    main: mainOf("order"),
    port: 50053,
    contracts: ["order.v1.OrderService"],
    calls: ["user", "product", "notification"],
    database: true,
  },
  {
    name: "notification",
    main: mainOf("notification"),
    port: 50054,
    contracts: ["notification.v1.NotificationService", "event.v1.EventService"],
    calls: [],
    database: true,
  },
  {
    name: "echo-a",
    main: mainOf("echo", "echo-a-main.ts"),
    port: 50061,
    contracts: ["echo.v1.EchoService"],
    calls: [],
    database: false,
  },
  {
    name: "echo-b",
    main: mainOf("echo", "echo-b-main.ts"),
    port: 50062,
    contracts: ["echo.v1.CallEchoService"],
    calls: ["echo-a"],
    database: false,
  },
  {
    name: "gateway",
    main: mainOf("gateway"),
    port: 8080,
    contracts: ["REST and every public service"],
    calls: ["user", "product", "order", "notification", "echo-a", "echo-b"],
    database: false,
  },
];

/** A service's main file; a package may have several. */
function mainOf(folder: string, file = "main.ts"): string {
  return fileURLToPath(new URL(`../../../${folder}/src/${file}`, import.meta.url));
}

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

/** `--only` names something that is no service. */
export class UnknownServiceError extends Error {
  constructor(unknown: readonly string[], known: readonly string[]) {
    super(
      unknown.length === 0
        ? `Name at least one service. There are ${known.join(", ")}.`
        : `There is no service ${unknown.map((name) => `"${name}"`).join(" or ")}. There are ${known.join(", ")}.`,
    );
    this.name = "UnknownServiceError";
  }
}
