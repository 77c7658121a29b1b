import { isHealthy } from "../connection/is-healthy.ts";
import { addressOfService } from "../connection/service-address.ts";
import { tableLines } from "../render/table.ts";
import type { MenuOptions } from "./menu-options.ts";
import { show } from "./show.ts";

/** The services of the registry: address, health, contracts, dependencies. */
export async function showArchitecture({ terminal, services, portOffset, gatewayUrl }: MenuOptions): Promise<void> {
  const { colors, width } = terminal;
  const rows = await Promise.all(
    services.map(async (service) => {
      const url =
        service.name === "gateway" && gatewayUrl !== undefined
          ? gatewayUrl
          : addressOfService(service, { services, portOffset, shell: process.env });
      const state = (await isHealthy(url)) ? "serving" : "not running";
      return [service.name, state, url, service.contracts.join(", ")];
    }),
  );
  const columns = ["service", "state", "address", "contracts"].map((title) => ({
    title,
    elastic: title === "contracts",
  }));
  const drawn = callLines(services.map(({ name, calls }) => ({ name, calls })));
  const withDatabase = services.filter(({ database }) => database).map(({ name }) => name);
  show(terminal, [
    ...tableLines(columns, rows, { colors, widthMax: width }),
    "",
    ...drawn,
    "",
    `Services with their own database: ${withDatabase.join(", ")}.`,
  ]);
}

/** The dependencies, one service a line, callers first: `gateway ─▶ user, product`. */
function callLines(
  services: readonly { readonly name: string; readonly calls: readonly string[] }[],
): readonly string[] {
  const called = new Set(services.flatMap(({ calls }) => calls));
  const first = services.filter(({ name }) => !called.has(name));
  const callers = services.filter(({ name, calls }) => called.has(name) && calls.length > 0);
  const width = Math.max(...services.map(({ name }) => name.length));
  const line = (from: string, to: readonly string[]) => `${from.padEnd(width)} ─▶ ${to.join(", ")}`;
  return [
    line(
      "you",
      first.map(({ name }) => name),
    ),
    ...[...first, ...callers].map(({ name, calls }) => line(name, calls)),
  ];
}
