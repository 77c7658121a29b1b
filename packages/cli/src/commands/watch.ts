import { Command, InvalidArgumentError, Option } from "commander";
import { openConnection } from "../connection/connection.ts";
import { type ConnectionOptions, withConnectionOptions } from "../connection/connection-options.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { createTerminal } from "../terminal/terminal.ts";
import { runWatch, type Watchable, watchable } from "../watch/run-watch.ts";

interface Options extends ConnectionOptions {
  readonly only: readonly Watchable[];
  readonly json?: true;
  readonly refreshToken?: string;
}

/** `parley watch`: orders, stock and notifications in one view, until Ctrl-C. */
export function watchCommand(services: readonly ServiceDefinition[]): Command {
  const command = new Command("watch")
    .description("Streams changes of orders, stock and notifications until Ctrl-C.")
    .addOption(onlyOption())
    .option("--json", "print one JSON document per line")
    .addOption(
      new Option("--refresh-token <token>", "gets a new access token when the first expires; it can be used once").env(
        "PARLEY_REFRESH_TOKEN",
      ),
    );
  return withConnectionOptions(command).action(async () => {
    const options = command.opts<Options>();
    const connection = openConnection(options, services);
    const interrupted = new AbortController();
    const interrupt = () => interrupted.abort();
    process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
    try {
      process.exitCode = await runWatch({
        connection,
        terminal: createTerminal(),
        only: options.only,
        json: options.json === true,
        refreshToken: options.refreshToken,
        signal: interrupted.signal,
      });
    } finally {
      connection.close();
    }
  });
}

function onlyOption(): Option {
  const option = new Option("--only <names>", `watch only these: ${watchable.join(",")}`)
    .argParser(names)
    .default(watchable, "all");
  // For completion only: several may be given, separated by commas.
  option.argChoices = [...watchable];
  return option;
}

function names(list: string): readonly Watchable[] {
  const given = list.split(",").map((name) => name.trim());
  const known = watchable.filter((name) => given.includes(name));
  if (known.length !== new Set(given).size) {
    throw new InvalidArgumentError(`It must be one or more of ${watchable.join(", ")}, separated by commas.`);
  }
  return known;
}
