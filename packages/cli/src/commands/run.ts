import { pathToFileURL } from "node:url";
import { Argument, Command } from "commander";
import { currentPrograms } from "../programs/current-programs.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";

/** Until the service drains on its own: a process with id 1, as in a container, has no default for a signal. What shells say of SIGTERM. */
const endedBySignal = 128 + 15;

/** `parley run order`: this process becomes the service. */
export function runCommand(services: readonly ServiceDefinition[]): Command {
  return new Command("run")
    .description(
      "Runs one service in this process, for production: bundled, with settings from the environment and logs on stdout.",
    )
    .addArgument(new Argument("<service>", "the service").choices(services.map(({ name }) => name)))
    .option("--migrate-only", "migrate its database and exit")
    .addHelpText("after", exitCodesOfServices)
    .action(async (name: string, { migrateOnly }: { readonly migrateOnly?: true }) => {
      const service = services.find((one) => one.name === name);
      if (service === undefined) {
        throw new Error(`There is no service ${name}.`);
      }
      if (migrateOnly) {
        process.env.PREPARE_ONLY = "1";
      }
      const programs = await currentPrograms({
        onBundle: () => process.stderr.write("Bundling the services: a source has changed.\n"),
        onFailed: ({ message }) =>
          process.stderr.write(`The service runs from its sources, since it could not be bundled: ${message}\n`),
      });
      const end = () => process.exit(endedBySignal);
      process.once("SIGTERM", end).once("SIGINT", end);
      try {
        await import(pathToFileURL(programs.main(service)).href);
      } finally {
        process.off("SIGTERM", end).off("SIGINT", end);
      }
      // The service ends the process itself.
      await new Promise(() => {});
    });
}

const exitCodesOfServices = `
SIGTERM and SIGINT drain: calls in flight end, new ones go elsewhere. A second signal ends it at once.

Exit codes:
  0    drained, or prepared (--migrate-only)
  1    it could not start, could not go on, or calls were cut off after SHUTDOWN_GRACE_MS
  2    a setting is wrong; every wrong setting is named on stderr
  143  ended by a signal before it served`;
