import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { portOffsetOption } from "../connection/connection-options.ts";
import { checkClock } from "../doctor/clock.ts";
import { checkDataFolder } from "../doctor/data-folder.ts";
import type { Finding } from "../doctor/finding.ts";
import { checkNode, checkPackages } from "../doctor/installation.ts";
import { checkServices } from "../doctor/services.ts";
import { checkSettings } from "../doctor/settings.ts";
import { exitCodes } from "../outcome/exit-codes.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { dataFolderOf, defaultDataFolder } from "../service/start-command.ts";
import { createTerminal } from "../terminal/terminal.ts";

interface Options {
  readonly data: string;
  readonly portOffset: number;
}

const root = fileURLToPath(new URL("../../../..", import.meta.url));

/** `parley doctor`: checks everything that the stack needs, and prints problems and repairs. */
export function doctorCommand(services: readonly ServiceDefinition[]): Command {
  return new Command("doctor")
    .description("Checks the set-up and suggests repairs. Exit code 1 if a check fails.")
    .option("--data <folder>", "the folder of the databases", defaultDataFolder)
    .addOption(portOffsetOption())
    .action(async (options: Options) => {
      const { data, portOffset } = options;
      const dataFolder = dataFolderOf(data);
      const findings = [
        await checkNode(root),
        await checkPackages(root),
        await checkClock(root),
        ...(await checkSettings(services, process.env)),
        ...(await checkDataFolder(dataFolder)),
        ...(await checkServices(services, { portOffset, dataFolder, shell: process.env })),
      ];
      process.exitCode = print(findings);
    });
}

function print(findings: readonly Finding[]): number {
  const { colors } = createTerminal();
  const marks = { good: colors.green("✓"), note: colors.yellow("•"), bad: colors.red("✗") };
  const write = (line: string) => process.stdout.write(`${line}\n`);
  for (const { kind, text, remedy } of findings) {
    write(`${marks[kind]} ${text}`);
    if (remedy !== undefined) {
      write(`    ${colors.dim(remedy)}`);
    }
  }
  const failed = findings.filter(({ kind }) => kind === "bad").length;
  write("");
  write(failed === 0 ? "All checks passed." : `${failed} ${failed === 1 ? "check" : "checks"} failed.`);
  return failed === 0 ? exitCodes.ok : exitCodes.other;
}
