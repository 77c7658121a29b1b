/** A workspace in a lock file. */
export interface LockedWorkspace {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

interface LockFile {
  readonly packages: Readonly<Record<string, object>>;
}

/**
 * A lock file of npm (`lockfileVersion` 3) with one more workspace. All its dependencies must be in it already, so that
 * no registry is needed.
 */
export function withWorkspace(text: string, workspace: LockedWorkspace): string {
  const lock = JSON.parse(text) as LockFile;
  const folder = `packages/${workspace.name.replace("@parley/", "")}`;
  const packages = Object.entries({
    ...lock.packages,
    [folder]: workspace,
    [`node_modules/${workspace.name}`]: { resolved: folder, link: true },
  }).sort(([one], [other]) => one.localeCompare(other, "en"));
  return `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, undefined, 2)}\n`;
}
