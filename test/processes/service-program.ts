import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.ts";
import { type Program, program } from "./program.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const endWithParent = fileURLToPath(new URL("end-with-parent.ts", import.meta.url));

export interface ServiceProgramOptions {
  readonly name: string;
  /** Its main file, relative to the repository's root. */
  readonly main: string;
  readonly databasePath: string;
  /** Settings besides PORT and DATABASE_URL. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A service in its own process, on its own port, with a SQLite file. Not started yet. */
export async function serviceProgram(options: ServiceProgramOptions): Promise<Program> {
  const { name, main, databasePath, settings = {} } = options;
  const port = await freePort();
  return program({
    name,
    url: `http://127.0.0.1:${port}`,
    command: process.execPath,
    args: ["--import", endWithParent, join(root, main)],
    env: { PORT: String(port), DATABASE_URL: `sqlite:${databasePath}`, ...settings },
    isServing: async (output) => output.includes('"msg":"serving"'),
    endsWithParent: true,
  });
}
