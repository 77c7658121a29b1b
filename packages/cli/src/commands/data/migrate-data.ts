import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Migration } from "@parley/store";
import { Command } from "commander";
import { exitCodes } from "../../outcome/exit-codes.ts";
import type { ServiceDefinition } from "../../service/service-registry.ts";
import { createTerminal } from "../../terminal/terminal.ts";

interface Options {
  readonly from: string;
  readonly to: string;
}

/** `parley migrate-data`: moves a service's data from a SQLite file to PostgreSQL. */
export function migrateDataCommand(services: readonly ServiceDefinition[]): Command {
  const names = services.filter(({ database }) => database).map(({ name }) => name);
  return new Command("migrate-data")
    .description("Copies a service's data from a SQLite file to an empty PostgreSQL database, and compares every row.")
    .argument("<service>", `the service: ${names.join(", ")}`)
    .requiredOption("--from <url>", "the file, for example sqlite:./data/order.db; its service must not run")
    .requiredOption("--to <url>", "the database, for example postgres://user:password@host:5432/order")
    .action(async (name: string, options: Options, command: Command) => {
      const service = services.find((one) => one.name === name && one.database);
      if (service === undefined) {
        command.error(`error: "${name}" is not a service with a database. Services with one: ${names.join(", ")}.`, {
          exitCode: exitCodes.invalid,
        });
      }
      process.exitCode = await migrateData(service, options);
    });
}

async function migrateData(service: ServiceDefinition, { from, to }: Options): Promise<number> {
  const terminal = createTerminal();
  const { copyToPostgres } = await import("@parley/store/migrate-data");
  try {
    await copyToPostgres({
      from,
      to,
      migrations: await migrationsOf(service),
      onTable: (table, count) => terminal.say(`  ${table.padEnd(28)} ${count} rows, the same on both sides`),
    });
  } catch (error) {
    const isSetting = (error as { readonly setting?: string }).setting !== undefined;
    terminal.say(terminal.colors.red(`error: ${(error as Error).message} Nothing was copied.`));
    return isSetting ? exitCodes.invalid : exitCodes.other;
  }
  terminal.say(`The data is copied. Start the service with DATABASE_URL set to the new database.`);
  return exitCodes.ok;
}

/** The migrations of the service. */
async function migrationsOf({ name, main }: ServiceDefinition): Promise<readonly Migration[]> {
  const module = (await import(pathToFileURL(join(dirname(main), "index.ts")).href)) as Record<string, unknown>;
  return module[`${name}Migrations`] as readonly Migration[];
}
