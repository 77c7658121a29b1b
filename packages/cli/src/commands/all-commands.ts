import { serviceGroups } from "../contract/service-groups.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import type { LazyCommand } from "./lazy-command.ts";
import { processVerbs } from "./process-verbs.ts";

/** Every command, in the order of the help. */
export function allCommands(services: readonly ServiceDefinition[]): readonly LazyCommand[] {
  return [
    {
      name: "up",
      description: "Starts all services, one process each, and runs until Ctrl-C.",
      load: async () => (await import("./up.ts")).upCommand(services),
    },
    {
      name: "run",
      description: "Runs one service in this process, for production.",
      load: async () => (await import("./run.ts")).runCommand(services),
    },
    {
      name: "health",
      description: "Checks the health of a service, as the probe of a container.",
      load: async () => (await import("./health.ts")).healthCommand(services),
    },
    ...serviceGroups.map((group) => ({
      name: group.name,
      description: group.description,
      load: async () => (await import("./service.ts")).serviceCommand(group, services),
    })),
    {
      name: "watch",
      description: "Streams changes of orders, stock and notifications until Ctrl-C.",
      load: async () => (await import("./watch.ts")).watchCommand(services),
    },
    {
      name: "trace",
      description: "Prints the sequence diagram of one trace: calls, events and mails.",
      load: async () => (await import("./telemetry/trace.ts")).traceCommand(services),
    },
    {
      name: "traces",
      description: "Lists traces: the newest, the slowest, or the failed ones.",
      load: async () => (await import("./telemetry/traces.ts")).tracesCommand(services),
    },
    {
      name: "calls",
      description: "Streams the calls between processes until Ctrl-C.",
      load: async () => (await import("./telemetry/calls.ts")).callsCommand(services),
    },
    {
      name: "logs",
      description: "Prints the logs of the services of `parley up`.",
      load: async () => (await import("./telemetry/logs.ts")).logsCommand(services),
    },
    {
      name: "menu",
      description: "Opens an interactive menu of the shop, with the sequence diagram of each order.",
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
      description:
        "Injects a fault into a process of the running stack: its calls fail or are delayed, for a limited time.",
      load: async () => (await import("./fault.ts")).faultCommand(services),
    },
    {
      name: "doctor",
      description: "Checks the set-up and suggests repairs.",
      load: async () => (await import("./doctor.ts")).doctorCommand(services),
    },
    {
      name: "keys",
      description: "Generates the keys for authentication between services.",
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
