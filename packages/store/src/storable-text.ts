/**
 * Text that every store accepts: NUL (U+0000), which PostgreSQL refuses in text, becomes its symbol (U+2400). For text of other services and
 * servers that is kept for people to read. A caller's text is refused by the contract's rules instead.
 */
export function storableText(text: string): string {
  return text.includes("\0") ? text.replaceAll("\0", "\u2400") : text;
}
