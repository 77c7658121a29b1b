/** A media type (RFC 9110, section 8.3.1). */
export interface MediaType {
  /** Type and subtype in lower case, for example `application/json`. */
  readonly type: string;
  /** By name in lower case; values as they are written, without their quotes. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Reads a `content-type`, or one range of an `accept`. Undefined if it is no media type. */
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
 * The one of the types offered that an `accept` wants most (RFC 9110, section 12.5.1), the first where several are wanted as
 * much. The first also if none is wanted: an answer in another form is of more use than none.
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

/** Several times what browsers send. A longer one is not looked at: finding its quotes could take long. */
const acceptLengthMax = 1_024;

/** Of the ranges that a type falls under, the most specific one decides. */
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

/** Splits at the commas that stand outside of quotes. */
function splitList(text: string): string[] {
  return text.match(/(?:"(?:\\.|[^"\\])*"|[^",])+/g) ?? [];
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const typePattern = new RegExp(`^[ \\t]*(${token}/${token})[ \\t]*`);
/** A semicolon may stand alone (RFC 9110, section 5.6.6). */
const parameterPattern = new RegExp(`^;[ \\t]*(?:(${token})=(?:(${token})|"((?:\\\\.|[^"\\\\])*)"))?[ \\t]*`);
