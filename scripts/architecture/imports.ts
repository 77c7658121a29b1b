/**
 * The specifiers that a module imports, re-exports, or loads with `import()` or `require()`, type imports included. Tokenizes
 * the source, so that comments and string contents do not count.
 */
export function importsOf(source: string): readonly string[] {
  const tokens = source.match(token) ?? [];
  const code = tokens.filter((text) => !text.startsWith("//") && !text.startsWith("/*"));
  const specifiers = new Set<string>();
  for (const [index, text] of code.entries()) {
    const [before, oneBefore] = [code[index - 1], code[index - 2]];
    const imported =
      before === "from" ||
      before === "import" ||
      (before === "(" && (oneBefore === "import" || oneBefore === "require"));
    if (imported && /^["'`]/.test(text)) {
      specifiers.add(text.slice(1, -1));
    }
  }
  return [...specifiers];
}

/** Comments, regular expressions, strings, templates, words, and any other single character. */
const token = new RegExp(
  [
    /\/\/[^\n]*/,
    /\/\*[\s\S]*?\*\//,
    /(?<=[(,=:[!&|?{};]\s*|\breturn\s+)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/\w*/,
    /"(?:\\.|[^"\\\n])*"/,
    /'(?:\\.|[^'\\\n])*'/,
    /`(?:\\.|[^`\\])*`/,
    /[\w$]+/,
    /[^\s\w$]/,
  ]
    .map((part) => part.source)
    .join("|"),
  "g",
);

/** The package of a bare specifier: `@scope/name` for `@scope/name/rest`. */
export function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? specifier);
}
