import { existsSync } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { BackupError, backUpSqlite } from "@parley/store/back-up";
import { Command } from "commander";
import { exitCodes } from "../../outcome/exit-codes.ts";
import type { ServiceDefinition } from "../../service/service-registry.ts";
import { defaultDataFolder } from "../../service/start-command.ts";
import { createTerminal } from "../../terminal/terminal.ts";

interface Options {
  readonly data: string;
  readonly to: string;
}

/** Files that belong to a database: the secret that encrypts the user service's signing keys. */
const companions = [".secret"];

/** `parley backup`: copies the SQLite databases, also while the services run. */
export function backupCommand(services: readonly ServiceDefinition[]): Command {
  return new Command("backup")
    .description("Copies the SQLite databases of the services to a folder, also while they run, and checks the copies.")
    .option("--data <folder>", "the folder of the databases", defaultDataFolder)
    .requiredOption("--to <folder>", "the folder for the copies; created if it is missing, and must not contain copies")
    .action(async (options: Options) => {
      process.exitCode = await backUp(services, options);
    });
}

async function backUp(services: readonly ServiceDefinition[], { data, to }: Options): Promise<number> {
  const terminal = createTerminal();
  const fail = (message: string, code: number) => {
    terminal.say(terminal.colors.red(`error: ${message}`));
    return code;
  };
  const folder = resolve(data);
  // Callers before their callees, so that a callee's copy is newer than its caller's. After a restore the caller repeats its last calls and
  // events, and the callee recognizes them.
  const names = services
    .toReversed()
    .filter(({ name, database }) => database && existsSync(join(folder, `${name}.db`)))
    .map(({ name }) => `${name}.db`);
  if (names.length === 0) {
    return fail(`There are no databases in ${folder}. Name their folder with --data.`, exitCodes.invalid);
  }
  await mkdir(to, { recursive: true, mode: 0o700 });
  try {
    for (const name of names) {
      for (const companion of companions.filter((each) => existsSync(join(folder, name + each)))) {
        await copyFile(join(folder, name + companion), join(to, name + companion));
      }
      const { bytes } = await backUpSqlite(join(folder, name), join(to, name));
      terminal.say(`  ${join(to, name).padEnd(40)} ${bytes} bytes, checked`);
    }
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    return fail(error.message, exitCodes.other);
  }
  terminal.say(`The databases are copied. To use them: parley up --data ${to}`);
  return exitCodes.ok;
}
