/**
 * Why a text is not JSON, as the end of a sentence: "unexpected character "}" at line 1, column 15". `cause` is the error of JSON.parse. Its message
 * differs between JavaScript engines, so only the position is taken from it.
 */
export function jsonSyntaxWords(text: string, cause: unknown): string {
  if (text.trim() === "") {
    return "it is empty";
  }
  const words = cause instanceof Error ? cause.message : "";
  if (/end of JSON|Unterminated/i.test(words)) {
    return "unexpected end of input";
  }
  const place = /at position (\d+)/.exec(words)?.[1];
  const at = place === undefined ? positionOf(text, words) : Number(place);
  if (at === undefined) {
    return "it cannot be parsed";
  }
  if (at >= text.length) {
    return "unexpected end of input";
  }
  const lines = text.slice(0, at).split("\n");
  const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
  return `unexpected ${named(character)} at line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}

function named(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x20
    ? `control character U+${code.toString(16).toUpperCase().padStart(4, "0")}`
    : `character ${JSON.stringify(character)}`;
}

/** V8 leaves the position out of errors about short texts, and quotes the character instead. */
function positionOf(text: string, words: string): number | undefined {
  const token = /^Unexpected token '(.+?)'/u.exec(words)?.[1];
  const first = text.search(/\S/);
  if (token !== undefined && text.startsWith(token, first)) {
    return first;
  }
  const at = token === undefined ? -1 : text.indexOf(token);
  return at < 0 ? undefined : at;
}
