import type { IncomingHttpHeaders } from "node:http";
import { isHostField } from "./host-field.ts";
import type { HeaderBlock } from "./hpack/header-decoder.ts";

/** Singleton fields: of several, the first counts, as in Node. */
export const singleNames: ReadonlySet<string> = new Set([
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

/** Fields, names and values in turn, as Node's `headers`. */
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

/** The headers of a request, or undefined if they are malformed (RFC 9113, sections 8.1.1, 8.2 and 8.3.1). */
export function requestHeaders({ fields, malformed }: HeaderBlock): IncomingHttpHeaders | undefined {
  if (malformed) {
    return undefined;
  }
  let seen = 0;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    if (name.charCodeAt(0) === 0x3a) {
      const bit = pseudoNames[name];
      // Each only once, and all before the others.
      if (bit === undefined || (seen & bit) !== 0 || (seen & regular) !== 0) {
        return undefined;
      }
      seen |= bit;
    } else {
      const bit = onceNames[name] ?? 0;
      if ((seen & bit) !== 0 || forbiddenNames.has(name) || (name === "te" && fields[index + 1] !== "trailers")) {
        return undefined;
      }
      seen |= regular | bit;
    }
  }
  const headers = fieldsToObject(fields);
  return isTarget(headers, seen) && isLength(headers["content-length"]) ? headers : undefined;
}

/** Whether a request has the required pseudo-headers (section 8.3.1). */
function isTarget(headers: IncomingHttpHeaders, seen: number): boolean {
  const verb = headers[":method"];
  const target = headers[":path"] as string | undefined;
  const origin = headers[":authority"] as string | undefined;
  const name = headers.host;
  if ((origin !== undefined && !isHostField(origin)) || (name !== undefined && !isHostField(name))) {
    return false;
  }
  if (origin !== undefined && name !== undefined && !isSameHost(origin, name)) {
    return false;
  }
  const whole = method | scheme | path;
  if (verb === "CONNECT") {
    return (seen & (whole | authority)) === (method | authority);
  }
  const isPath = target?.charCodeAt(0) === 0x2f || (target === "*" && verb === "OPTIONS");
  return (seen & whole) === whole && isPath;
}

/** Whether "host" and ":authority" are equal, even if only one of them has the scheme's default port. */
function isSameHost(one: string, other: string): boolean {
  return one === other || withoutUsualPort(one) === withoutUsualPort(other);
}

function withoutUsualPort(host: string): string {
  return host.toLowerCase().replace(/:(80|443)?$/, "");
}

function isLength(value: string | undefined): boolean {
  return value === undefined || lengthPattern.test(value);
}

/** Only digits (RFC 9110, section 8.6), and few enough to be exact. */
const lengthPattern = /^[0-9]{1,15}$/;

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
/** Fields that a request must not repeat, since two recipients could choose different values. */
const onceNames: Readonly<Record<string, number | undefined>> = { "content-length": 32, host: 64 };

/** The status of a response, or undefined if its headers are malformed (sections 8.2.2 and 8.3.2). */
export function answerStatus(fields: readonly string[]): number | undefined {
  const status = fields[1] ?? "";
  return fields[0] === ":status" && /^[1-9][0-9]{2}$/.test(status) && areTrailers(fields, 2)
    ? Number(status)
    : undefined;
}

/** The content-length of a response, -1 if none, or undefined if it is malformed. */
export function answerLength(fields: readonly string[]): number | undefined {
  let length: number | undefined = -1;
  for (let index = 0; index < fields.length; index += 2) {
    if (fields[index] === "content-length") {
      const value = fields[index + 1] ?? "";
      length = length === -1 && lengthPattern.test(value) ? Number(value) : undefined;
    }
  }
  return length;
}

/** Whether fields may be trailers: no pseudo-headers (section 8.1), and no connection-specific fields. */
export function areTrailers(fields: readonly string[], start = 0): boolean {
  for (let index = start; index < fields.length; index += 2) {
    const name = fields[index] as string;
    if (name.charCodeAt(0) === 0x3a || forbiddenNames.has(name)) {
      return false;
    }
  }
  return true;
}

/** Connection-specific fields (section 8.2.2). */
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

/** As in HTTP/1.1: visible characters, blanks, and the upper half of Latin-1. */
const valuePattern = /^[\t\x20-\x7e\x80-\xff]*$/;
