/** A media type (RFC 9110, section 8.3.1). */
export interface MediaType {
  /** Type and subtype in lower case, for example `application/json`. */
  readonly type: string;
  /** Keyed by lower-case name; values as written, without quotes. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Parses a `content-type`, or one range of an `accept`. Undefined if it is not a media type. */
export function parseMediaType(text: string): MediaType | undefined {
  const match = typePattern.exec(text);
  const type = match?.[1]?.toLowerCase();
  if (match === null || type === undefined) {
    return undefined;
  }
  const parameters = new Map<string, string>();
  let rest = text.slice(match[0].length);
  while (rest !== "") {
    const parameter = parameterPattern.exec(rest);
    if (parameter === null) {
      return undefined;
    }
    const [whole, name, plain, quotedText] = parameter;
    if (name !== undefined) {
      parameters.set(name.toLowerCase(), plain ?? quotedText?.replaceAll(/\\(.)/g, "$1") ?? "");
    }
    rest = rest.slice(whole.length);
  }
  return { type, parameters };
}

/**
 * The offered type that an `accept` prefers (RFC 9110, section 12.5.1), the first one among equals. Also the first one if none is acceptable: a
 * response in another format is more useful than none.
 */
export function preferredType(accept: string | undefined, offered: readonly [string, ...string[]]): string {
  const given = accept === undefined || accept.length > acceptLengthMax ? "*/*" : accept;
  const ranges = splitList(given).flatMap((range) => parseMediaType(range) ?? []);
  let preferred = offered[0];
  let highest = 0;
  for (const type of offered) {
    const weight = weightOf(type, ranges);
    if (weight > highest) {
      highest = weight;
      preferred = type;
    }
  }
  return preferred;
}

/** Several times what browsers send. A longer header is ignored, because parsing its quoted strings could be slow. */
const acceptLengthMax = 1_024;

/** The most specific range that matches a type determines its weight. */
function weightOf(type: string, ranges: readonly MediaType[]): number {
  const [major = ""] = type.split("/");
  for (const pattern of [type, `${major}/*`, "*/*"]) {
    const range = ranges.find((each) => each.type === pattern);
    if (range !== undefined) {
      const weight = Number(range.parameters.get("q") ?? 1);
      return Number.isNaN(weight) ? 0 : weight;
    }
  }
  return 0;
}

/** Splits at commas outside of quoted strings. */
function splitList(text: string): string[] {
  return text.match(/(?:"(?:\\.|[^"\\])*"|[^",])+/g) ?? [];
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const typePattern = new RegExp(`^[ \\t]*(${token}/${token})[ \\t]*`);
/** Parameters may be empty (RFC 9110, section 5.6.6). */
const parameterPattern = new RegExp(`^;[ \\t]*(?:(${token})=(?:(${token})|"((?:\\\\.|[^"\\\\])*)"))?[ \\t]*`);
