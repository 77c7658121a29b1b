import { Command } from "commander";
import { openConnection } from "../connection/connection.ts";
import { type ConnectionOptions, withConnectionOptions } from "../connection/connection-options.ts";
import { isHealthy } from "../connection/is-healthy.ts";
import { addressOfService } from "../connection/service-address.ts";
import { runMenu } from "../menu/menu.ts";
import { isCancelled } from "../menu/pick.ts";
import { shopOf } from "../menu/shop.ts";
import { exitCodes } from "../outcome/exit-codes.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { openTelemetry } from "../telemetry/open-telemetry.ts";
import { createTerminal } from "../terminal/terminal.ts";

/** `parley menu`: the shop by arrow keys, and an order's calls as a sequence diagram. */
export function menuCommand(services: readonly ServiceDefinition[]): Command {
  const command = new Command("menu").description(
    "Opens an interactive menu: users, products and orders, and the sequence diagram of an order that it places.",
  );
  return withConnectionOptions(command).action(async () => {
    if (!process.stdin.isTTY || !process.stdout.isTTY) {
      command.error("error: The menu needs a terminal. `parley order list` and the other commands do not.");
    }
    const options = command.opts<ConnectionOptions>();
    const gatewayUrl = options.url ?? (await runningGateway(services, options));
    const place = gatewayUrl === undefined ? options : { ...options, url: gatewayUrl };
    const connection = openConnection(place, services);
    const telemetry = await openTelemetry(place, services);
    try {
      await runMenu({
        shop: shopOf(connection),
        telemetry,
        terminal: createTerminal(),
        services,
        portOffset: options.portOffset,
        gatewayUrl,
      });
    } catch (error) {
      if (!isCancelled(error)) {
        throw error;
      }
      process.exitCode = exitCodes.ok;
    } finally {
      telemetry.close();
      connection.close();
    }
  });
}

/** The gateway's address, if it serves: the menu calls it, as outside clients do. */
async function runningGateway(
  services: readonly ServiceDefinition[],
  { portOffset }: ConnectionOptions,
): Promise<string | undefined> {
  const gateway = services.find(({ name }) => name === "gateway");
  const url = gateway && addressOfService(gateway, { services, portOffset, shell: process.env });
  return url !== undefined && (await isHealthy(url)) ? url : undefined;
}
