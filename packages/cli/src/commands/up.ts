import { homedir } from "node:os";
import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { type ServiceDefinition, selectServices, UnknownServiceError } from "../service/service-registry.ts";
import { runStack } from "../stack/run-stack.ts";
import { createTerminal } from "../terminal/terminal.ts";

interface UpOptions {
  readonly only?: readonly string[];
  readonly data: string;
  readonly fresh?: true;
  readonly portOffset: number;
  readonly logLevel: string;
}

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];
const portOffsetMax = 15_000;

/** `parley up`: starts the services, shows what they say, and ends them with Ctrl-C. */
export function upCommand(services: readonly ServiceDefinition[]): Command {
  return new Command("up")
    .description("Starts the services, each as a process of its own, and stays until Ctrl-C.")
    .option("--only <names>", `start only these: ${services.map((service) => service.name).join(",")}`, names)
    .option("--data <folder>", "where the databases are", "./data")
    .option("--fresh", "begin with empty databases: removes those of the services that start, after naming them")
    .option("--port-offset <number>", "add this to every port", portOffset, 0)
    .addOption(
      new Option("--log-level <level>", "what the services log from")
        .choices(logLevels)
        .default("info")
        .env("LOG_LEVEL"),
    )
    .addHelpText("after", "\nCtrl-C lets every service finish what it has begun; a second Ctrl-C ends them at once.")
    .action(async (options: UpOptions, command: Command) => {
      process.exitCode = await runStack(select(services, options.only, command), {
        terminal: createTerminal(),
        shell: process.env,
        fresh: options.fresh === true,
        settings: {
          services,
          dataFolder: resolve(options.data.replace(/^~(?=\/|$)/, homedir())),
          portOffset: options.portOffset,
          logLevel: options.logLevel,
        },
      });
    });
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

function names(list: string): readonly string[] {
  return list
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function portOffset(text: string): number {
  const offset = Number(text);
  if (!Number.isInteger(offset) || offset < 0 || offset > portOffsetMax) {
    // The highest port of the platform and the offset must stay below 65,536.
    throw new InvalidArgumentError(`A whole number from 0 to ${portOffsetMax} is needed.`);
  }
  return offset;
}
