// Runs the examples of README.md and of the guides against a real stack, and compares their output with the documents.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { services } from "@parley/cli";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { has, run } from "./command-line.ts";
import { contains, containsLines, type Example, examplesOf, startVariablesOf } from "./document.ts";
import { npmStart, type RunningStack, root } from "./running-stack.ts";

const documents = ["README.md", ...guides()].map((path) => {
  const markdown = readFileSync(join(root, path), "utf8");
  return { path, markdown, examples: examplesOf(markdown), variables: startVariablesOf(markdown) };
});
const grpcurlThere = await has("grpcurl");

function guides(): readonly string[] {
  return readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .sort()
    .map((name) => `docs/${name}`);
}

// Each document gets a stack of its own.
describe.each(documents.filter(({ examples }) => examples.length > 0))("$path", ({ examples, variables }) => {
  let stack: RunningStack;
  beforeAll(async () => {
    stack = await npmStart(["--log-level", "warn"], variables);
  }, 90_000);
  afterAll(() => stack?.dispose(), 90_000);

  for (const example of examples) {
    const needsGrpcurl = /\bgrpcurl\b/.test(example.command);
    it.skipIf(needsGrpcurl && !grpcurlThere)(
      `line ${example.line}: ${firstWords(example)}`,
      async () => {
        const command = onPortsOf(stack, example.command);
        const { code, output, errorOutput } =
          example.language === "sh"
            ? await run("sh", ["-ec", command])
            : await run(process.execPath, ["--input-type=module-typescript", "-e", command]);
        expect(code, `${command}\n${errorOutput}`).toBe(0);
        expectAnswer(output, example);
      },
      exampleMaxMs,
    );
  }
});

describe.each(documents)("$path", ({ path, markdown }) => {
  it("links to files that exist", () => {
    const targets = [...markdown.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map((match) => match[1] ?? "");
    const missing = targets.filter((target) => {
      const file = join(root, path, "..", target);
      try {
        return readdirSync(join(file, "..")).includes(file.split("/").filter(Boolean).at(-1) ?? "") === false;
      } catch {
        return true;
      }
    });
    expect(missing).toEqual([]);
  });
});

describe("the runner of the examples", () => {
  const markdown = [
    ...["```sh", "echo one", "```", "", "```text", "one", "```"],
    ...["words", "```sh", "two", "```", "words", "```json", "{}", "```"],
    ...["```console", "$ not run", "```"],
    ...["```ts", "notRun()", "```", "words", "```ts", "three()", "```", "", "```text", "3", "```"],
  ].join("\n");

  it("extracts sh blocks and ts blocks with output; an adjacent block is the output of the block before", () => {
    expect(examplesOf(markdown)).toEqual([
      { line: 2, language: "sh", command: "echo one", answer: { kind: "text", content: "one" } },
      { line: 10, language: "sh", command: "two" },
      { line: 24, language: "ts", command: "three()", answer: { kind: "text", content: "3" } },
    ]);
  });

  it.each([
    [{ a: 1, b: "x" }, { a: 1 }, true],
    [{ a: 1 }, { a: 2 }, false],
    [{ a: "anything" }, { a: "…" }, true],
    [{}, { a: "…" }, false],
    [[1, 2], [1], false],
    [{ a: [{ b: 1, c: 2 }] }, { a: [{ b: 1 }] }, true],
    [null, {}, false],
  ])("compares %j with %j: %j", (actual, shown, expected) => {
    expect(contains(actual, shown)).toBe(expected);
  });

  it.each([
    ["a\nb\nc", "a\nc", true],
    ["a\nb\nc", "c\na", false],
    ["took 15 ms", "took … ms", true],
    ["price (USD)", "price (USD)", true],
    ["price USD", "price (USD)", false],
  ])("finds in %j the lines %j: %j", (actual, shown, expected) => {
    expect(containsLines(actual, shown)).toBe(expected);
  });
});

/** An example may start its own processes, which takes a while on a busy machine. */
const exampleMaxMs = 90_000;

/** Ports of processes that examples start beside the stack: no service uses them, and freeOffset() keeps them free of other stacks. */
const examplePorts = [50063, 50064, 50065, 50066];

/** The command with this stack's ports. */
function onPortsOf(stack: RunningStack, command: string): string {
  return [...services.map(({ port }) => port), ...examplePorts].reduce(
    (text, port) => text.replaceAll(new RegExp(`\\b${port}\\b`, "g"), String(port + stack.portOffset)),
    command,
  );
}

function expectAnswer(output: string, { answer }: Example): void {
  if (answer?.kind === "json") {
    const [actual, shown] = [JSON.parse(output) as unknown, JSON.parse(answer.content) as unknown];
    expect(contains(actual, shown), `printed\n${output}\nand the document shows\n${answer.content}`).toBe(true);
  } else if (answer?.kind === "text") {
    expect(containsLines(output, answer.content), `printed\n${output}\nand the document shows\n${answer.content}`).toBe(
      true,
    );
  }
}

function firstWords({ command }: Example): string {
  const line = command.split("\n")[0] ?? "";
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}
