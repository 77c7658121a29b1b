import { Command } from "commander";
import { healthCommand } from "../call/health-command.ts";
import { methodCommand } from "../call/method-command.ts";
import { contractOf, methodCommands } from "../contract/contracts.ts";
import type { ServiceGroup } from "../contract/service-groups.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";

/** `parley order …`: a command for each public method, and one for the service's health. */
export function serviceCommand(group: ServiceGroup, services: readonly ServiceDefinition[]): Command {
  const command = new Command(group.name).description(group.description);
  for (const method of methodCommands(group)) {
    command.addCommand(methodCommand(method, services));
  }
  return command.addCommand(healthCommand(group.contracts.map(contractOf), services));
}
