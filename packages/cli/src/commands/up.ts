import { existsSync } from "node:fs";
import { Command, Option } from "commander";
import { portOffsetOption } from "../connection/connection-options.ts";
import { currentPrograms } from "../programs/current-programs.ts";
import { type Programs, sourcePrograms } from "../programs/programs.ts";
import { parseReplicas, ReplicasError, serviceNameOf, withReplicas } from "../service/replicas.ts";
import { type ServiceDefinition, selectServices, UnknownServiceError } from "../service/service-registry.ts";
import { dataFolderOf, defaultDataFolder } from "../service/start-command.ts";
import { runStack } from "../stack/run-stack.ts";
import { createTerminal, type Terminal } from "../terminal/terminal.ts";

interface UpOptions {
  readonly only?: readonly string[];
  readonly data: string;
  readonly fresh?: true;
  readonly portOffset: number;
  readonly logLevel: string;
  readonly sources?: true;
  readonly watch?: true;
  readonly database: "sqlite" | "postgres";
  readonly replicas?: string;
}

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/** `parley up`: starts the services, shows their output, and stops them on Ctrl-C. */
export function upCommand(services: readonly ServiceDefinition[]): Command {
  return new Command("up")
    .description("Starts all services, one process each, and runs until Ctrl-C.")
    .addOption(onlyOption(services))
    .option("--data <folder>", "the folder of the databases", defaultDataFolder)
    .option("--fresh", "start with empty databases: prints and deletes those of the started services")
    .addOption(
      new Option(
        "--database <kind>",
        "sqlite: a file for each service; postgres: a PostgreSQL server in the data folder",
      )
        .choices(["sqlite", "postgres"])
        .default("sqlite"),
    )
    .option(
      "--replicas <counts>",
      "number of processes of a service, for example order=2,product=2; the ports are 100 apart",
    )
    .addOption(portOffsetOption("add this to every port"))
    .addOption(
      new Option("--log-level <level>", "the lowest level that the services log")
        .choices(logLevels)
        .default("info")
        .env("LOG_LEVEL"),
    )
    .option("--sources", "run the services from their sources, not bundled")
    .option("--watch", "restart a service when a source of it changes, after it has drained; implies --sources")
    .addHelpText("after", "\nCtrl-C drains and stops all services. A second Ctrl-C kills them.")
    .action(async (options: UpOptions, command: Command) => {
      const terminal = createTerminal();
      const watch = options.watch === true;
      if (watch && services.every(({ main }) => !existsSync(main))) {
        command.error("error: --watch: there are no sources here. It needs a clone of the repository.");
      }
      const counts = replicaCounts(services, options.replicas, command);
      const all = withReplicas(services, counts);
      // A service's name selects all its replicas; a replica's name selects only that one.
      const selected = new Set(select(all, options.only, command).map(({ name }) => name));
      const started = all.filter((service) => selected.has(service.name) || selected.has(serviceNameOf(service)));
      process.exitCode = await runStack(started, {
        terminal,
        shell: process.env,
        fresh: options.fresh === true,
        watch,
        settings: {
          databaseKind: options.database,
          replicas: options.replicas,
          services: all,
          dataFolder: dataFolderOf(options.data),
          portOffset: options.portOffset,
          logLevel: options.logLevel,
          programs: options.sources === true || watch ? sourcePrograms : await bundled(terminal),
        },
      });
    });
}

function bundled(terminal: Terminal): Promise<Programs> {
  return currentPrograms({
    onBundle: () => terminal.say("Bundling the services: a source has changed."),
    onFailed: ({ message }) =>
      terminal.say(`The services run from their sources, since they could not be bundled: ${message}`),
  });
}

function onlyOption(services: readonly ServiceDefinition[]): Option {
  const all = services.map(({ name }) => name);
  const option = new Option("--only <names>", `start only these services: ${all.join(",")}`).argParser(names);
  // For completion only: several may be given, separated by commas.
  option.argChoices = all;
  return option;
}

function select(services: readonly ServiceDefinition[], only: readonly string[] | undefined, command: Command) {
  try {
    return selectServices(services, only);
  } catch (error) {
    if (error instanceof UnknownServiceError) {
      command.error(`error: --only: ${error.message}`);
    }
    throw error;
  }
}

function replicaCounts(
  services: readonly ServiceDefinition[],
  text: string | undefined,
  command: Command,
): ReadonlyMap<string, number> {
  try {
    return text === undefined ? new Map() : parseReplicas(text, services);
  } catch (error) {
    if (error instanceof ReplicasError) {
      command.error(`error: --replicas: ${error.message}`);
    }
    throw error;
  }
}

function names(list: string): readonly string[] {
  return list
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
