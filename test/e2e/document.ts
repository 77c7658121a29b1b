/** An executed block of a document, and the output in the next block. */
export interface Example {
  /** The document's line where the block starts, counted from 1. */
  readonly line: number;
  /** `sh` is run by the shell, `ts` by Node, both in the repository's root folder. */
  readonly language: "sh" | "ts";
  readonly command: string;
  /** The next block, if no text is in between. The output must contain `json` as a subset, or the lines of `text`. */
  readonly answer?: { readonly kind: "json" | "text"; readonly content: string };
}

interface Block {
  readonly line: number;
  readonly kind: string;
  readonly content: string;
  /** Whether text separates this block from the one before. */
  readonly afterWords: boolean;
}

/**
 * The examples of a Markdown document, in order: `sh` blocks, and `ts` blocks that are followed by their output. All other
 * blocks are not executed.
 */
export function examplesOf(markdown: string): readonly Example[] {
  const blocks = blocksOf(markdown);
  return blocks.flatMap(({ line, kind: language, content: command }, index): Example[] => {
    const next = blocks[index + 1];
    const isAnswered = next?.afterWords === false && (next.kind === "json" || next.kind === "text");
    const answer = isAnswered ? { answer: { kind: next.kind as "json" | "text", content: next.content } } : {};
    if (language === "sh" || (language === "ts" && isAnswered)) {
      return [{ line, language, command, ...answer }];
    }
    return [];
  });
}

/** The environment variables that a document sets for its `npm start`, as in `$ AUTH=required npm start`. */
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

/** Whether `actual` contains `shown`. The text "…" matches anything; lists must have the same length. */
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

/** Whether `actual` contains the lines of `shown`, in order. "…" in a line matches anything; alone, it matches any lines. */
export function containsLines(actual: string, shown: string): boolean {
  const pattern = shown
    .split("\n")
    .filter((line) => line.trim() !== "…" && line.trim() !== "")
    .map((line) => line.trim().split("…").map(RegExp.escape).join(".*?"))
    .join("[\\s\\S]*?");
  return new RegExp(pattern).test(actual);
}
