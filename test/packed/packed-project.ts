import { copyFile, glob, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { root } from "../../scripts/run-command.ts";
import { output } from "./programs.ts";
import { writeReadmeFiles } from "./readme-files.ts";

/** A project outside the workspace with the packed packages from their tarballs, and the files that their READMEs show. */
export interface PackedProject {
  readonly folder: string;
  /** The tarballs by package name. */
  readonly tarballs: ReadonlyMap<string, string>;
  /** The path of a Node 22 executable. */
  readonly node22: string;
  remove(): Promise<void>;
}

/** The project's other dependencies, at the versions of this workspace. */
const further = [
  "@bufbuild/buf",
  "@bufbuild/protobuf",
  "@bufbuild/protoc-gen-es",
  "@connectrpc/connect",
  "@connectrpc/connect-node",
  "@connectrpc/connect-web",
  "@grpc/grpc-js",
  "@opentelemetry/api",
  "@opentelemetry/context-async-hooks",
  "typescript",
];
const quietly = ["--silent", "--no-audit", "--no-fund", "--prefer-offline"];

/** Packs, installs, generates, type-checks and compiles. Rejects with the output of the step that failed. */
export async function createPackedProject(): Promise<PackedProject> {
  const folder = await mkdtemp(join(tmpdir(), "parley-packed-"));
  const packed = join(folder, "packed");
  await output(
    process.execPath,
    ["scripts/pack/main.ts", "packages", "--destination", packed, "--stage", join(folder, "staged")],
    root,
  );
  await rm(join(folder, "staged"), { recursive: true });
  const tarballs = new Map<string, string>();
  for await (const name of glob("*.tgz", { cwd: packed })) {
    tarballs.set(name.replace(/^parley-(.*)-\d+\.\d+\.\d+\.tgz$/, "$1"), join(packed, name));
  }
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "eliza", type: "module", private: true }));
  const files = [...tarballs].filter(([name]) => name !== "client").map(([, file]) => file);
  const versions = [...(await readDependencies()), "@types/node@22"];
  await output("npm", ["install", ...quietly, ...files, ...versions], folder);
  for (const name of [".", "packages/http2", "packages/contract", "packages/rpc", "packages/rest"]) {
    await writeReadmeFiles(name, folder);
  }
  const bin = (name: string) => join(folder, "node_modules/.bin", name);
  await output(bin("buf"), ["generate"], folder);
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
  await output(bin("tsc"), ["-p", "."], folder);
  await mkdir(join(folder, "out"), { recursive: true });
  for await (const file of glob("*.js", { cwd: join(import.meta.dirname, "project") })) {
    await copyFile(join(import.meta.dirname, "project", file), join(folder, "out", basename(file)));
  }
  return { folder, tarballs, node22: await installNode22(folder), remove: () => rm(folder, { recursive: true }) };
}

async function readDependencies(): Promise<string[]> {
  const { devDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  return further.map((name) => `${name}@${devDependencies[name]}`);
}

/** Installs the npm package with the Node executable for this system only: no install script runs. */
async function installNode22(folder: string): Promise<string> {
  const system = process.platform === "win32" ? "win" : process.platform;
  const name = `node-${system}-${process.arch}`;
  const prefix = join(folder, "node-22");
  await mkdir(prefix);
  await output("npm", ["install", ...quietly, "--prefix", prefix, `${name}@22`], folder);
  return join(prefix, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
}

/** `skipLibCheck` is off: the packages' own types must compile with the types of Node 22. */
const tsconfig = {
  compilerOptions: {
    strict: true,
    module: "nodenext",
    target: "es2023",
    // @connectrpc/connect needs the DOM types.
    lib: ["es2024", "dom", "dom.iterable"],
    types: ["node"],
    rootDir: "src",
    outDir: "out",
    skipLibCheck: false,
  },
  include: ["src"],
};
