import { existsSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../outcome/usage-error.ts";
import { Changes, insertLines } from "./changes.ts";
import { withWorkspace } from "./lock-file.ts";
import { type Names, namesOf } from "./names.ts";
import { contractTexts, declaredProcesses, findRepository, type Repository, readManifest } from "./repository.ts";
import { templateFiles, templateIdentifiers } from "./templates.ts";
import { formatAndGenerate } from "./tools.ts";

/** A new service. */
export interface NewService {
  readonly names: Names;
  readonly port: number;
  /** The files that were created or changed, by path from the repository's top folder, without gen/. */
  readonly files: readonly { readonly path: string; readonly isNew: boolean }[];
}

export interface NewServiceOptions {
  /** A folder inside the clone. */
  readonly folder: string;
  /** The existing commands of `parley`. The service's command must have another name. */
  readonly commands: readonly string[];
}

/** The paths of every server and of the gateway: a service's REST path must differ. */
const otherPaths = ["docs", "metrics", "traces"];

/** The first port of services; a new one gets the next free port. */
const firstPort = 50_051;

/**
 * Creates a service: contract, package with tests, entries in the lock file and in the documentation, and the generated code.
 * @throws UsageError, with nothing changed, if the name cannot be used, the folder is in no clone, or a tool fails.
 */
export async function newService(name: string, { folder, commands }: NewServiceOptions): Promise<NewService> {
  const repository = await findRepository(folder);
  const names = namesOf(name);
  const processes = await declaredProcesses(repository);
  const used = await templateIdentifiers();
  const clash = [names.value, names.values, names.Name].find((word) => used.has(word));
  if (clash !== undefined) {
    throw new UsageError(
      `The name "${name}" cannot be used: the generated code declares ${clash} itself. Choose another name.`,
    );
  }
  refuseExistingNames(names, { repository, commands, contracts: await contractTexts(repository) });
  const port = nextPort(processes.map((process) => process.port));
  const dependencies = await dependenciesIn(repository);
  const manifest = { name: `@parley/${name}`, version: repository.version, license: "MIT", dependencies };

  const changes = new Changes(repository.root);
  const values = {
    ...names,
    port: String(port),
    version: repository.version,
    dependencies: JSON.stringify(dependencies),
  };
  for (const [path, text] of await templateFiles(values)) {
    await changes.create(path, text);
  }
  await changes.edit("package-lock.json", (text) => withWorkspace(text, manifest));
  await addToGuides(changes, names, port);
  await addToAccessTable(changes, names);
  const installed = "node_modules/.package-lock.json";
  if (existsSync(join(repository.root, installed))) {
    // npm's record of installed packages: with it, the next npm command does not reinstall everything.
    await changes.edit(installed, (text) => withWorkspace(text, manifest));
  }
  const link = join(repository.root, "node_modules/@parley", name);
  await changes.write(async () => {
    await formatAndGenerate(repository, {
      contracts: [`proto/${names.field}`],
      sources: [`packages/${name}`, "test/e2e/access-table.ts"],
    });
    if (existsSync(join(link, "..")) && !existsSync(link)) {
      // A junction, on Windows, needs no privilege, and an absolute path; elsewhere the type is ignored.
      const target = process.platform === "win32" ? join(repository.root, "packages", name) : `../../packages/${name}`;
      await symlink(target, link, "junction");
    }
  });
  return { names, port, files: changes.paths.filter(({ path }) => path !== installed) };
}

/** Refuses the name of an existing package, contract, command or REST path. */
export function refuseExistingNames(
  { name, names, field, Name }: Names,
  {
    repository: { root },
    commands,
    contracts,
  }: {
    readonly repository: Repository;
    readonly commands: readonly string[];
    readonly contracts: ReadonlyMap<string, string>;
  },
): void {
  for (const path of [`packages/${name}`, `proto/${field}`, `standard/${field}`]) {
    if (existsSync(join(root, path))) {
      throw new UsageError(`The name "${name}" is taken: ${path} exists. Choose another name.`);
    }
  }
  if (commands.includes(name)) {
    throw new UsageError(`The name "${name}" is taken: "parley ${name}" is a command. Choose another name.`);
  }
  const declared = new RegExp(`^(message|enum|service) ${Name} `, "m");
  for (const [path, text] of contracts) {
    if (declared.test(text)) {
      throw new UsageError(`The name "${name}" is taken: ${path} declares ${Name}. Choose another name.`);
    }
  }
  if (otherPaths.includes(names)) {
    throw new UsageError(`The name "${name}" is taken: the gateway has a page at /${names}. Choose another name.`);
  }
  const pathInUse = new RegExp(`"/${names}["/:]`);
  const contract = [...contracts].find(([, text]) => pathInUse.test(text));
  if (contract !== undefined) {
    throw new UsageError(
      `The name "${name}" is taken: ${contract[0]} has the REST path /${names}. Choose another name.`,
    );
  }
}

function nextPort(taken: readonly number[]): number {
  let port = firstPort;
  while (taken.includes(port)) {
    port++;
  }
  return port;
}

/** The dependencies of every service, in the product service's versions. */
async function dependenciesIn({ root }: Repository): Promise<Readonly<Record<string, string>>> {
  const { dependencies = {} } = await readManifest(join(root, "packages/product"));
  const wanted = ["@bufbuild/protobuf", "@connectrpc/connect", "@parley/gen", "@parley/rpc", "@parley/store"];
  return Object.fromEntries(wanted.map((name) => [name, dependencies[name] ?? ""]));
}

async function addToGuides(changes: Changes, names: Names, port: number): Promise<void> {
  const { name, NAME, Name, Names: plural, field, words } = names;
  const service = `${field}.v1.${Name}Service`;
  await changes.edit("docs/running.md", (text) => {
    const path = "docs/running.md";
    const row = `| ${name} | ${port} | \`${service}\` |`;
    const variable = `${NAME}_SERVICE_URL`;
    const setting = `| \`${variable}\` | gateway | where the ${words} service is | \`http://127.0.0.1:${port}\` |`;
    return insertLines(insertLines(text, row, { path, before: "| gateway |" }), setting, {
      path,
      after: /^\| `[A-Z_]+_SERVICE_URL`/,
    });
  });
  await changes.edit("docs/errors.md", (text) => {
    const section = `### ${NAME}_NOT_FOUND\n\n\`not_found\`. No ${words} has the id.`;
    return `${text.trimEnd()}\n\n## ${plural}\n\n${section}\n`;
  });
  await changes.edit("docs/access.md", (text) =>
    insertLines(text, `| \`${service}\` | Get${Name} List${plural} |  | Create${Name} |  |`, {
      path: "docs/access.md",
      after: /^\| `\w+\.v\d+\.\w+` \|/,
    }),
  );
}

/** The end-to-end test of access calls every method; its table is written by hand, not read from the contracts. */
async function addToAccessTable(changes: Changes, names: Names): Promise<void> {
  const { Name, Names: plural, field, value, name } = names;
  const path = "test/e2e/access-table.ts";
  const rows = `
    "${field}.v1.${Name}Service/Create${Name}": { rule: "admin", request: { name: "First" } },
    "${field}.v1.${Name}Service/Get${Name}": { rule: "public", request: { ${value}Id: "no-such-${name}" } },
    "${field}.v1.${Name}Service/List${plural}": { rule: "public", request: {} },`;
  await changes.edit(path, (text) => insertLines(text, rows, { path, after: /^ {4}("|\},$)/ }));
}
