import { Command, InvalidArgumentError, Option } from "commander";
import { followLog } from "../../logs/follow-logs.ts";
import { logFile } from "../../logs/service-logs.ts";
import { exitCodes } from "../../outcome/exit-codes.ts";
import type { ServiceDefinition } from "../../service/service-registry.ts";
import { dataFolderOf, defaultDataFolder } from "../../service/start-command.ts";
import { serviceLineWriter } from "../../terminal/service-line.ts";
import { createTerminal } from "../../terminal/terminal.ts";

interface Options {
  readonly follow?: true;
  readonly lines: number;
  readonly data: string;
}

const linesMax = 10_000;

/** `parley logs [service]`: the logs of the services of `parley up`. */
export function logsCommand(services: readonly ServiceDefinition[]): Command {
  const names = services.map(({ name }) => name);
  const command = new Command("logs");
  const place = command.createArgument("[service...]", "only these services; all by default");
  return command
    .description("Prints the logs of the services of `parley up`.")
    .addArgument(place.choices(names))
    .option("-f, --follow", "stream new lines until Ctrl-C")
    .addOption(
      new Option("-n, --lines <number>", "the number of previous lines of each service")
        .argParser(lineCount)
        .default(20),
    )
    .option("--data <folder>", "the data folder of `parley up`", defaultDataFolder)
    .action(async (chosen: readonly string[], { follow, lines, data }: Options) => {
      const terminal = createTerminal();
      const shown = chosen.length === 0 ? names : chosen;
      const write = serviceLineWriter(terminal, shown);
      const interrupted = new AbortController();
      const interrupt = () => interrupted.abort();
      process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
      const folder = dataFolderOf(data);
      const found = await Promise.all(
        shown.map((name) =>
          followLog({
            path: logFile(folder, name),
            lines,
            onLine: (line) => write(name, line),
            signal: follow === true ? interrupted.signal : undefined,
          }),
        ),
      );
      if (!found.includes(true)) {
        terminal.say(
          `There is no log in ${folder}. \`npx parley up\` writes one for each service to its data folder; --data selects another folder.`,
        );
      }
      process.exitCode = found.includes(true) ? exitCodes.ok : exitCodes.other;
    });
}

function lineCount(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number > linesMax) {
    throw new InvalidArgumentError(`It must be a whole number from 0 to ${linesMax}.`);
  }
  return number;
}
