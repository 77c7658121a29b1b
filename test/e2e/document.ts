/** A block of a document that is executed: a ```sh block, and what it must print if the next block shows it. */
export interface Example {
  /** The line of the document where the block begins, from 1. */
  readonly line: number;
  readonly command: string;
  /** The block that follows it at once: `json` must be contained in the answer, `text` must stand in the output. */
  readonly answer?: { readonly kind: "json" | "text"; readonly content: string };
}

interface Block {
  readonly line: number;
  readonly kind: string;
  readonly content: string;
  /** Whether words stand between this block and the one before. */
  readonly afterWords: boolean;
}

/** The examples of a Markdown document, in order. `console` blocks, and all others, are only shown. */
export function examplesOf(markdown: string): readonly Example[] {
  const blocks = blocksOf(markdown);
  return blocks.flatMap((block, index) => {
    if (block.kind !== "sh") {
      return [];
    }
    const example = { line: block.line, command: block.content };
    const next = blocks[index + 1];
    if (next === undefined || next.afterWords || (next.kind !== "json" && next.kind !== "text")) {
      return [example];
    }
    return [{ ...example, answer: { kind: next.kind, content: next.content } }];
  });
}

/** What a document sets before its `npm start`, as in `$ AUTH=required npm start`. */
export function startVariablesOf(markdown: string): Readonly<Record<string, string>> {
  const settings = /^\$ ((?:[A-Z_]+=\S+ )+)npm start$/m.exec(markdown)?.[1] ?? "";
  return Object.fromEntries([...settings.matchAll(/([A-Z_]+)=(\S+)/g)].map(([, name, value]) => [name, value]));
}

function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { line: number; kind: string; lines: string[] } | undefined;
  let afterWords = true;
  for (const [index, text] of markdown.split("\n").entries()) {
    const fence = /^```(\w*)\s*$/.exec(text);
    if (open !== undefined && fence !== null) {
      blocks.push({ line: open.line, kind: open.kind, content: open.lines.join("\n"), afterWords });
      open = undefined;
      afterWords = false;
    } else if (open !== undefined) {
      open.lines.push(text);
    } else if (fence !== null) {
      open = { line: index + 2, kind: fence[1] ?? "", lines: [] };
    } else if (text.trim() !== "") {
      afterWords = true;
    }
  }
  return blocks;
}

/** Whether `actual` has all that `shown` has. The text "…" stands for anything; a list must have as many entries. */
export function contains(actual: unknown, shown: unknown): boolean {
  if (shown === "…") {
    return actual !== undefined;
  }
  if (Array.isArray(shown)) {
    return (
      Array.isArray(actual) &&
      actual.length === shown.length &&
      shown.every((entry, index) => contains(actual[index], entry))
    );
  }
  if (typeof shown === "object" && shown !== null) {
    return (
      typeof actual === "object" &&
      actual !== null &&
      Object.entries(shown).every(([name, value]) => contains((actual as Record<string, unknown>)[name], value))
    );
  }
  return actual === shown;
}

/** Whether every line of `shown` stands in `actual`, in order. "…" in a line stands for anything; alone, for any lines. */
export function containsLines(actual: string, shown: string): boolean {
  const pattern = shown
    .split("\n")
    .filter((line) => line.trim() !== "…" && line.trim() !== "")
    .map((line) => line.trim().split("…").map(RegExp.escape).join(".*?"))
    .join("[\\s\\S]*?");
  return new RegExp(pattern).test(actual);
}
