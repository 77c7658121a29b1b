import type { StackProcess } from "@parley/gen/stack/v1/stack_service_pb.js";
import { Command } from "commander";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { dataFolderOf, defaultDataFolder } from "../service/start-command.ts";
import { processLines } from "../stack/control/process-lines.ts";
import { type StackClient, withStack } from "../stack/control/stack-client.ts";
import { createTerminal } from "../terminal/terminal.ts";
import { type ProcessVerb, processVerbs } from "./process-verbs.ts";

interface Options {
  readonly data: string;
  readonly json?: true;
}

type Answer = Promise<{ readonly process?: StackProcess | undefined }>;

const calls: Readonly<Record<ProcessVerb, (stack: StackClient, process: string) => Answer>> = {
  start: (stack, process) => stack.startProcess({ process }),
  stop: (stack, process) => stack.stopProcess({ process }),
  kill: (stack, process) => stack.killProcess({ process }),
  pause: (stack, process) => stack.pauseProcess({ process }),
  resume: (stack, process) => stack.resumeProcess({ process }),
  restart: (stack, process) => stack.restartProcess({ process }),
};

/** `parley stop order` and the like. */
export function processCommand(verb: ProcessVerb, services: readonly ServiceDefinition[]): Command {
  const [, description = ""] = processVerbs.find(([name]) => name === verb) ?? [];
  const command = new Command(verb).description(description);
  const place = command.createArgument("<process>", `one of ${services.map((service) => service.name).join(", ")}`);
  return withData(command.addArgument(place)).action(async (process: string, options: Options) => {
    await withStack(dataFolderOf(options.data), async (stack) => {
      const { process: after } = await calls[verb](stack, process);
      print(after === undefined ? [] : [after], options);
    });
  });
}

/** `parley ps`: the processes of the running stack. */
export function psCommand(): Command {
  return withData(new Command("ps").description("Lists the processes of the running stack.")).action(
    async (options: Options) => {
      await withStack(dataFolderOf(options.data), async (stack) => {
        print((await stack.listProcesses({})).processes, options);
      });
    },
  );
}

function withData(command: Command): Command {
  return command
    .option("--data <folder>", "the data folder of the stack", defaultDataFolder)
    .option("--json", "print JSON");
}

function print(processes: readonly StackProcess[], { json }: Options): void {
  for (const line of processLines(processes, { json: json === true, terminal: createTerminal() })) {
    process.stdout.write(`${line}\n`);
  }
}
