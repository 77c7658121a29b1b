import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@parley/gen/google/rpc/code_pb.js";
import { Command, InvalidArgumentError } from "commander";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { dataFolderOf, defaultDataFolder } from "../service/start-command.ts";
import { faultInWords } from "../stack/control/fault-in-words.ts";
import { withStack } from "../stack/control/stack-client.ts";

interface Options {
  readonly data: string;
  readonly method: string;
  readonly percent: number;
  readonly latency?: number;
  readonly code?: Code;
  readonly for: number;
  readonly clear?: true;
}

/** `parley fault product --method ReserveStock --code UNAVAILABLE --percent 50`: makes calls fail or delays them, for a limited time. */
export function faultCommand(services: readonly ServiceDefinition[]): Command {
  const names = services.map(({ name }) => name).join(", ");
  return new Command("fault")
    .description(
      "Injects a fault into a process of the running stack: its calls fail or are delayed, for a limited time.",
    )
    .argument("[process]", `one of ${names}; --clear without a process clears all`)
    .option("--method <name>", "only this method: ReserveStock, or product.v1.InventoryService/ReserveStock", "")
    .option("--percent <share>", "the percentage of calls", percent, 100)
    .option("--latency <time>", "the delay of a call: 200ms, 2s", timeMs)
    .option("--code <code>", "the code of the error: UNAVAILABLE, INTERNAL, RESOURCE_EXHAUSTED, ...", code)
    .option("--for <time>", "how long the fault is active: 30s; at most 15 minutes", timeMs, 60_000)
    .option("--clear", "remove the faults")
    .option("--data <folder>", "the data folder of the stack", defaultDataFolder)
    .action(async (process: string | undefined, options: Options, command: Command) => {
      if (options.clear !== true && process === undefined) {
        command.error("error: Name a process, or use --clear.");
      }
      if (options.clear !== true && options.latency === undefined && options.code === undefined) {
        command.error("error: Set --latency, --code, or both.");
      }
      await withStack(dataFolderOf(options.data), async (stack) => {
        if (options.clear === true) {
          const { rules } = await stack.removeFaults({ process: process ?? "" });
          say(`Removed ${rules.length} ${rules.length === 1 ? "fault" : "faults"}.`);
          return;
        }
        const { latency, code, method, percent } = options;
        const { rule } = await stack.addFault({
          rule: {
            process: process ?? "",
            method,
            percent,
            ...(latency === undefined ? {} : { latency: durationFromMs(latency) }),
            ...(code === undefined ? {} : { code }),
          },
          duration: durationFromMs(options.for),
        });
        say(rule === undefined ? "" : `${rule.process}: ${faultInWords(rule)}`);
      });
    });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function percent(text: string): number {
  const share = Number(text);
  if (!Number.isInteger(share) || share < 1 || share > 100) {
    throw new InvalidArgumentError("It must be a whole number from 1 to 100.");
  }
  return share;
}

function timeMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  const unitMs = { ms: 1, s: 1_000, m: 60_000 }[match?.[2] ?? "s"] ?? Number.NaN;
  const ms = Number(match?.[1]) * unitMs;
  if (!(ms >= 0)) {
    throw new InvalidArgumentError("It must be a time, such as 200ms, 30s or 5m.");
  }
  return ms;
}

function code(text: string): Code {
  const found = Code[text.toUpperCase().replaceAll("-", "_") as keyof typeof Code];
  if (typeof found !== "number" || found === Code.OK) {
    const codes = Object.keys(Code).filter((name) => Number.isNaN(Number(name)) && name !== "OK");
    throw new InvalidArgumentError(`It must be one of ${codes.join(", ")}.`);
  }
  return found;
}
