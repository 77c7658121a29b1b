import { serviceGroups } from "../contract/service-groups.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import type { LazyCommand } from "./lazy-command.ts";
import { processVerbs } from "./process-verbs.ts";

/** Every command, in the order of the help. */
export function allCommands(services: readonly ServiceDefinition[]): readonly LazyCommand[] {
  return [
    {
      name: "up",
      description: "Starts the services, each as its own process, and runs until Ctrl-C.",
      load: async () => (await import("./up.ts")).upCommand(services),
    },
    {
      name: "run",
      description: "Becomes one service, as in production.",
      load: async () => (await import("./run.ts")).runCommand(services),
    },
    {
      name: "health",
      description: "Asks the service of this environment for its health, as a container's probe.",
      load: async () => (await import("./health.ts")).healthCommand(services),
    },
    ...serviceGroups.map((group) => ({
      name: group.name,
      description: group.description,
      load: async () => (await import("./service.ts")).serviceCommand(group, services),
    })),
    {
      name: "watch",
      description: "Shows orders, stock and notifications as they change, until Ctrl-C.",
      load: async () => (await import("./watch.ts")).watchCommand(services),
    },
    {
      name: "trace",
      description: "Shows the calls, events and mails of one trace as a sequence of processes.",
      load: async () => (await import("./telemetry/trace.ts")).traceCommand(services),
    },
    {
      name: "traces",
      description: "Lists the last traces, the slowest, or those in which a call failed.",
      load: async () => (await import("./telemetry/traces.ts")).tracesCommand(services),
    },
    {
      name: "calls",
      description: "Shows the calls between processes as they end, until Ctrl-C.",
      load: async () => (await import("./telemetry/calls.ts")).callsCommand(services),
    },
    {
      name: "logs",
      description: "Shows what the services of `parley up` have logged, and with --follow what they log from now on.",
      load: async () => (await import("./telemetry/logs.ts")).logsCommand(services),
    },
    {
      name: "menu",
      description: "Shows the shop by arrow keys, and follows an order through the services.",
      load: async () => (await import("./menu.ts")).menuCommand(services),
    },
    {
      name: "ps",
      description: "Lists the processes of the running stack.",
      load: async () => (await import("./processes.ts")).psCommand(),
    },
    ...processVerbs.map(([name, description]) => ({
      name,
      description,
      load: async () => (await import("./processes.ts")).processCommand(name, services),
    })),
    {
      name: "fault",
      description: "Makes calls to a process of the running stack fail or wait, until that ends by itself.",
      load: async () => (await import("./fault.ts")).faultCommand(services),
    },
    {
      name: "doctor",
      description: "Says what is wrong with the set-up, and what to do about it.",
      load: async () => (await import("./doctor.ts")).doctorCommand(services),
    },
    {
      name: "keys",
      description: "Makes the keys with which services prove themselves to each other.",
      load: async () => (await import("./keys.ts")).keysCommand(services),
    },
    {
      name: "backup",
      description: "Copies the SQLite databases of the services to a folder, also while they run.",
      load: async () => (await import("./data/backup.ts")).backupCommand(services),
    },
    {
      name: "migrate-data",
      description: "Copies a service's data from a SQLite file to PostgreSQL, and compares every row.",
      load: async () => (await import("./data/migrate-data.ts")).migrateDataCommand(services),
    },
    {
      name: "new",
      description: "Adds a service, or a method of one, to a clone of the repository.",
      load: async () => (await import("./new.ts")).newCommand(() => allCommands(services).map(({ name }) => name)),
    },
    {
      name: "completion",
      description: "Prints a script that completes commands, methods and flags in a shell.",
      load: async () => (await import("./completion.ts")).completionCommand(() => allCommands(services)),
    },
  ];
}
