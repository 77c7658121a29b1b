/** The tags of an `if-match` or `if-none-match` (RFC 9110, section 8.8.3), without quotes. */
export interface EntityTags {
  /** Whether it is `*`: matches any existing resource. */
  readonly any: boolean;
  readonly strong: readonly string[];
  readonly weak: readonly string[];
}

/** Parses `if-match` or `if-none-match`. Undefined if it is neither `*` nor a list of tags. */
export function parseEntityTags(text: string): EntityTags | undefined {
  if (text.trim() === "*") {
    return { any: true, strong: [], weak: [] };
  }
  const strong: string[] = [];
  const weak: string[] = [];
  tagPattern.lastIndex = 0;
  let end = 0;
  while (end < text.length) {
    const [whole, prefix, tag] = tagPattern.exec(text) ?? [];
    if (whole === undefined) {
      return undefined;
    }
    if (tag !== undefined) {
      (prefix === undefined ? strong : weak).push(tag);
    }
    end = tagPattern.lastIndex;
  }
  return strong.length + weak.length === 0 ? undefined : { any: false, strong, weak };
}

/** A tag, or an empty list element (RFC 9110, section 5.6.1), with the comma after it. */
const tagPattern = /[ \t]*(?:(W\/)?"([\x21\x23-\x7e\x80-\xff]*)")?[ \t]*(?:,|$)/y;

/** The strong entity tag with this content. Undefined if the content is empty or has characters that an entity tag does not allow. */
export function quotedTag(content: string): string | undefined {
  return /^[\x21\x23-\x7e]{1,64}$/.test(content) ? `"${content}"` : undefined;
}
