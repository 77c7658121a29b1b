import type { IncomingHttpHeaders } from "node:http";
import type { HeaderBlock } from "./header-decoder.ts";

/** Fields of which there is one: of several, the first counts, as Node has it. */
const singleNames: ReadonlySet<string> = new Set([
  ":status",
  ":method",
  ":authority",
  ":scheme",
  ":path",
  "age",
  "authorization",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-type",
  "date",
  "etag",
  "expires",
  "from",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "last-modified",
  "location",
  "max-forwards",
  "proxy-authorization",
  "range",
  "referer",
  "retry-after",
  "tk",
  "upgrade-insecure-requests",
  "user-agent",
  "x-content-type-options",
]);

/** Fields, names and values in turn, as Node gives them to whoever reads `headers`. */
export function fieldsToObject(fields: readonly string[]): IncomingHttpHeaders {
  const headers = Object.create(null) as Record<string, string | string[] | number>;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    const before = headers[name];
    if (before === undefined) {
      headers[name] = name === "set-cookie" ? [value] : name === ":status" ? Number(value) : value;
    } else if (Array.isArray(before)) {
      before.push(value);
    } else if (!singleNames.has(name)) {
      headers[name] = `${before}${name === "cookie" ? "; " : ", "}${value}`;
    }
  }
  return headers as IncomingHttpHeaders;
}

/** The headers of a request, or undefined where it is malformed (RFC 9113, sections 8.1.1, 8.2 and 8.3.1). */
export function requestHeaders({ fields, malformed }: HeaderBlock): IncomingHttpHeaders | undefined {
  if (malformed) {
    return undefined;
  }
  let pseudo = 0;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    if (name.charCodeAt(0) === 0x3a) {
      const bit = pseudoNames[name];
      // Each but once, and all before the others.
      if (bit === undefined || (pseudo & bit) !== 0 || (pseudo & regular) !== 0) {
        return undefined;
      }
      pseudo |= bit;
    } else {
      pseudo |= regular;
      if (forbiddenNames.has(name) || (name === "te" && fields[index + 1] !== "trailers")) {
        return undefined;
      }
    }
  }
  const headers = fieldsToObject(fields);
  const complete = headers[":method"] === "CONNECT" ? method : method | scheme | path;
  return (pseudo & complete) === complete && headers[":path"] !== "" ? headers : undefined;
}

const method = 1;
const scheme = 2;
const path = 4;
const authority = 8;
const regular = 16;
const pseudoNames: Readonly<Record<string, number | undefined>> = {
  ":method": method,
  ":scheme": scheme,
  ":path": path,
  ":authority": authority,
};

/** What is HTTP/1.1's own (section 8.2.2). */
const forbiddenNames: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

/** Node's headers as fields, names in lower case and values in turn; pseudo-headers first. */
export function objectToFields(headers: Readonly<Record<string, unknown>>): string[] {
  const fields: string[] = [];
  const others: string[] = [];
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    const target = name.charCodeAt(0) === 0x3a ? fields : others;
    if (Array.isArray(value)) {
      for (const each of value) {
        target.push(name.toLowerCase(), checked(name, each));
      }
    } else if (value !== undefined && value !== null && !forbiddenNames.has(name.toLowerCase())) {
      target.push(name.toLowerCase(), checked(name, value));
    }
  }
  fields.push(...others);
  return fields;
}

function checked(name: string, value: unknown): string {
  const text = String(value);
  if (!valuePattern.test(text)) {
    throw new TypeError(`the header ${JSON.stringify(name)} has a value that cannot be sent`);
  }
  return text;
}

/** As in HTTP/1.1: what is visible, blanks, and the upper half of Latin-1. */
const valuePattern = /^[\t\x20-\x7e\x80-\xff]*$/;
