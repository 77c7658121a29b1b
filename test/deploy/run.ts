// Checks the files of deploy/ with the tools that read them in production, and each tool with a mistake that it must find. Prints a
// line for each check, and the totals of passed and failed as the last line; exits with 1 if one failed.
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, runCommand } from "../../scripts/run-command.ts";
import { machineProgram } from "../interop/programs.ts";
import { checks, type DeployCheck, overlays, schemaMistake } from "./checks.ts";
import { pythonTools } from "./tools.ts";

/** The others are from PyPI. */
const debianTools: ReadonlySet<string> = new Set(["haproxy", "promtool", "amtool"]);

let [passed, failed] = [0, 0];
const python = await pythonTools();
if ("missing" in python) {
  console.log(`Left out: the tools from PyPI, since ${python.missing}`);
}
for (const check of checks) {
  const tool = await pathOf(check.tool);
  if (tool === undefined) {
    console.log(`Left out: ${check.name}, since ${check.tool} is not installed`);
    continue;
  }
  printCheck(check.name, await withCopy(undefined, (folder) => failureOf(check, tool, folder)));
  const missed = await withCopy(check.mistake, (folder) => failureOf(check, tool, folder));
  printCheck(
    `${check.name}, a mistake is found`,
    missed === undefined ? `${check.tool} accepts ${check.mistake.to}` : undefined,
  );
}
if ("folder" in python) {
  printCheck("kubernetes: every object fits its schema", await withCopy(undefined, schemaFailure));
  const missed = await withCopy(schemaMistake, schemaFailure);
  printCheck(
    "kubernetes: every object fits its schema, a mistake is found",
    missed === undefined ? "it was accepted" : undefined,
  );
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function printCheck(name: string, failure: string | undefined): void {
  console.log(`${failure === undefined ? "✓" : "✗"} ${name}${failure === undefined ? "" : `\n${failure}`}`);
  failure === undefined ? passed++ : failed++;
}

async function pathOf(tool: string): Promise<string | undefined> {
  if ("folder" in python && !debianTools.has(tool)) {
    return join(python.folder, tool);
  }
  const found = await machineProgram(tool);
  return "path" in found ? found.path : undefined;
}

async function failureOf(check: DeployCheck, tool: string, folder: string): Promise<string | undefined> {
  for (const args of check.runs(folder)) {
    const { code, output } = await runCommand(tool, args, folder);
    const problem = code === 0 ? check.problem?.(output) : output;
    if (problem !== undefined) {
      return problem;
    }
  }
  return undefined;
}

/** Renders each overlay and validates the result strictly: unknown fields and kinds without a schema are failures. */
async function schemaFailure(folder: string): Promise<string | undefined> {
  if (!("folder" in python)) {
    return undefined;
  }
  for (const overlay of ["local", "production"]) {
    const rendered = await runCommand(join(python.folder, "kubectl"), ["kustomize", join(folder, overlays, overlay)]);
    const file = join(folder, `${overlay}.yaml`);
    await writeFile(file, rendered.output);
    const validated = await runCommand(join(python.folder, "kubernetes-validate"), ["--strict", file]);
    if (rendered.code !== 0 || validated.code !== 0 || /\bWARN\b/.test(validated.output)) {
      return `${overlay}: ${validated.output}`;
    }
  }
  return undefined;
}

/** Copies the files, adds a certificate for the proxies, and plants the mistake. */
async function withCopy<T>(
  mistake: DeployCheck["mistake"] | undefined,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "parley-deploy-"));
  try {
    for (const path of ["deploy", "compose.yaml", "compose.debug.yaml"]) {
      await cp(join(root, path), join(folder, path), { recursive: true });
    }
    await mkdir(join(folder, "tls"));
    const [key, certificate] = [join(folder, "tls/tls.key"), join(folder, "tls/tls.crt")];
    const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate];
    await runCommand("openssl", [...request, "-days", "2", "-subj", "/CN=shop.example.com"]);
    await writeFile(join(folder, "tls/shop.pem"), `${await readFile(certificate)}${await readFile(key)}`);
    for (const proxy of ["nginx/nginx.conf", "haproxy/haproxy.cfg", "envoy/envoy.yaml"]) {
      await edit(join(folder, "deploy", proxy), /\/etc\/(?:nginx|haproxy|envoy)\/tls/g, join(folder, "tls"));
    }
    for (const configuration of ["nginx/nginx.conf", "nginx/compose.conf"]) {
      // This process reads nginx's output from a socket, which cannot be opened as a file.
      await edit(join(folder, "deploy", configuration), /\/dev\/std(?:out|err)/g, join(folder, "nginx.log"));
    }
    if (mistake !== undefined) {
      await edit(join(folder, mistake.file), mistake.from, mistake.to);
    }
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function edit(file: string, from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(file, "utf8");
  const edited = text.replace(from, to);
  if (edited === text) {
    throw new Error(`${file} has no ${from}`);
  }
  await writeFile(file, edited);
}
