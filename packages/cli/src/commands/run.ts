import { pathToFileURL } from "node:url";
import { Argument, Command } from "commander";
import { currentPrograms } from "../programs/current-programs.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";

/**
 * The exit code for a signal before the service handles signals itself, as shells report SIGTERM. A process with id 1, as in a container, has
 * no default action for signals.
 */
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
SIGTERM and SIGINT drain the service: in-flight calls finish, and new calls fail over (GOAWAY). A second signal ends it at once.

Exit codes:
  0    drained, or prepared (--migrate-only)
  1    startup failed, a fatal error occurred, or calls were cut off after SHUTDOWN_GRACE_MS
  2    a setting is wrong; every wrong setting is named on stderr
  143  ended by a signal before it served`;
