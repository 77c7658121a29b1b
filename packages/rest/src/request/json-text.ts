import type { JsonValue } from "@bufbuild/protobuf";
import { jsonSyntaxWords } from "@parley/contract";
import { quoted, RestProblem } from "../problem.ts";

/** The maximum nesting of a body: protobuf's own limit for nested messages. */
export const nestingMax = 100;

/**
 * Parses JSON (RFC 8259). Throws a {@link RestProblem} if the text is not JSON, is nested deeper than {@link nestingMax}, or has a duplicate key in
 * an object: parsers disagree about which value counts.
 */
export function parseJson(text: string): JsonValue {
  const value = parse(text);
  refuseDuplicateKeys(text);
  return value;
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    const why = cause instanceof SyntaxError ? jsonSyntaxWords(text, cause) : "it is nested too deep";
    throw new RestProblem("INVALID_REQUEST", `The body is not JSON: ${why}.`, { cause });
  }
}

/** Scans valid JSON. `stack` holds the keys of each open object, and undefined for each open array. */
function refuseDuplicateKeys(text: string): void {
  const stack: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case openBrace:
      case openBracket:
        if (stack.length === nestingMax) {
          throw new RestProblem("INVALID_REQUEST", `The body is nested deeper than ${nestingMax} levels.`);
        }
        stack.push(text.charCodeAt(at) === openBrace ? new Set() : undefined);
        break;
      case closeBrace:
      case closeBracket:
        stack.pop();
        break;
      case quote: {
        const end = stringEnd(text, at);
        if (isKey(text, end)) {
          addKey(stack.at(-1), text.slice(at, end));
        }
        at = end - 1;
        break;
      }
    }
  }
}

function addKey(keys: Set<string> | undefined, written: string): void {
  const key = written.includes("\\") ? (JSON.parse(written) as string) : written.slice(1, -1);
  if (keys?.has(key)) {
    throw new RestProblem("INVALID_REQUEST", `The body has the key ${quoted(key)} twice in one object.`, {
      field: key,
    });
  }
  keys?.add(key);
}

/** The index after the closing quote of the string that starts at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (text.charCodeAt(at) !== quote) {
    at += text.charCodeAt(at) === backslash ? 2 : 1;
  }
  return at + 1;
}

/** Only a key is followed by a colon. */
function isKey(text: string, end: number): boolean {
  let at = end;
  while (text.charCodeAt(at) <= space) {
    at++;
  }
  return text.charCodeAt(at) === colon;
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
/** JSON's white space (space, tab, line breaks) has no code above this one. */
const space = 0x20;
