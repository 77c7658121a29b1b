// Uses the contracts in projects in other languages as docs/other-languages.md describes, and places an order with each. Prints a
// line for each language, and the totals of passed and failed as the last line; exits with 1 if one failed. `-- go java` runs only
// these.
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { npmStart, root } from "../e2e/running-stack.ts";
import { type Command, type Language, languages } from "./languages.ts";
import { type Ran, runIn } from "./run-in.ts";

/** Cached between runs: compiler plugins, a Python environment. */
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "parley", "languages");

const only = process.argv.slice(2);
const wanted = languages.filter(({ name }) => only.length === 0 || only.includes(name));
const stack = await npmStart(["--log-level", "error"]);
let [passed, failed] = [0, 0];
try {
  for (const language of wanted) {
    const leftOut = await whyNot(language);
    if (leftOut !== undefined) {
      console.log(`Left out: ${language.name}, since ${leftOut}`);
      continue;
    }
    const failure = await tryOut(language, `127.0.0.1:${50053 + stack.portOffset}`);
    console.log(`${failure === undefined ? "✓" : "✗"} ${language.name}${failure === undefined ? "" : `\n${failure}`}`);
    failure === undefined ? passed++ : failed++;
  }
} finally {
  await stack.dispose();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** The reason why a language cannot be tested on this machine: a missing tool or download. */
async function whyNot(language: Language): Promise<string | undefined> {
  for (const tool of language.tools) {
    if ((await runIn(root, { command: tool })).code !== 0) {
      return `${tool[0]} is not installed`;
    }
  }
  await mkdir(cache, { recursive: true });
  for (const command of language.downloads(cache)) {
    const { code, output } = await runIn(cache, { command, timeoutMs: 300_000 });
    if (code !== 0) {
      return `${command.join(" ")} failed: ${lastLine(output)}`;
    }
  }
  return undefined;
}

/** Undefined if the project placed its order, otherwise its output. */
async function tryOut(language: Language, target: string): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), `parley-${language.name}-`));
  try {
    await cp(join(root, "test/languages", language.name), folder, { recursive: true });
    await symlink(root, join(folder, "parley"));
    for (const command of language.build(cache)) {
      const ran = await inProject(folder, command, language);
      if (ran.code !== 0) {
        return `${command.join(" ")}:\n${ran.output}`;
      }
    }
    const { output } = await inProject(folder, language.run(target, cache), language);
    return /^invalid: true$/im.test(output) && /order: ORDER_STATE_CONFIRMED 29$/m.test(output) ? undefined : output;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function inProject(folder: string, command: Command, { variables }: Language): Promise<Ran> {
  const path = [join(cache, "bin"), join(root, "node_modules/.bin"), process.env.PATH ?? ""].join(delimiter);
  return runIn(folder, { command, variables: { ...variables, PATH: path }, timeoutMs: 600_000 });
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
