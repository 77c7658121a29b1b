import { readFileSync } from "node:fs";
import {
  type DescMethod,
  fromJson,
  isMessage,
  type JsonObject,
  type JsonValue,
  type Message,
} from "@bufbuild/protobuf";
import { fieldSentence, findJsonMistake, jsonSyntaxWords, nearestName, unknownFields } from "@parley/contract";
import { readContracts } from "../contract/contracts.ts";
import { type Parameter, pathOf } from "../contract/parameters.ts";
import { UsageError } from "../outcome/usage-error.ts";

/** The request cannot be built from the command line. */
export class RequestError extends UsageError {
  override readonly name = "RequestError";
}

/** A parameter and its value in ProtoJSON; several values for lists. */
export interface GivenValue {
  readonly parameter: Parameter;
  readonly value: JsonValue;
}

/** `--data` accepts this size, far above every service's limit. */
const dataBytesMax = 16 * 1024 * 1024;

/** The request from flags. A missing field mask is filled with the given fields. */
export function requestOf(method: DescMethod, given: readonly GivenValue[], newId: () => string): Message {
  const json: JsonObject = {};
  for (const { parameter, value } of given) {
    put(json, parameter, value);
  }
  for (const field of method.input.fields) {
    const isGiven = given.some(({ parameter }) => parameter.path[0] === field);
    if (field.message?.typeName === "google.protobuf.FieldMask" && !isGiven) {
      json[field.jsonName] = maskOf(given);
    } else if (field.name === "request_id" && !isGiven) {
      json[field.jsonName] = newId();
    }
  }
  return messageOf(method, json);
}

/** The request of `--data`: JSON, `@file`, or `-` for the standard input. */
export function requestOfData(method: DescMethod, data: string): Message {
  const text = data === "-" ? readFileSync(0, "utf8") : data.startsWith("@") ? readText(data.slice(1)) : data;
  if (text.length > dataBytesMax) {
    throw new RequestError(`\`--data\` is larger than the limit of ${dataBytesMax} bytes.`);
  }
  let json: JsonValue;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw new RequestError(`\`--data\` is not JSON: ${jsonSyntaxWords(text, cause)}.`, { cause });
  }
  const mistake = findJsonMistake(method.input, json);
  if (mistake !== undefined) {
    throw new RequestError(`\`--data\`: ${fieldSentence(mistake.path, mistake.description)}`);
  }
  const [unknown] = unknownFields(method.input, json);
  if (unknown !== undefined) {
    const nearest = nearestName(
      unknown.split(".").at(-1) ?? "",
      method.input.fields.map(({ jsonName }) => jsonName),
    );
    const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
    throw new RequestError(
      `\`--data\`: ${fieldSentence(unknown, `is not a field of ${method.input.typeName}${hint}`)}`,
    );
  }
  return messageOf(method, json);
}

function messageOf(method: DescMethod, json: JsonValue): Message {
  try {
    const message = fromJson(method.input, json, { registry: readContracts() });
    if (!isMessage(message)) {
      throw new TypeError("not a message");
    }
    return message;
  } catch (cause) {
    throw new RequestError(`The request is not a valid ${method.input.typeName}. \`--help\` lists its fields.`, {
      cause,
    });
  }
}

/** Why a file cannot be read, by the system's error code. */
function fileProblem(cause: unknown): string {
  switch ((cause as NodeJS.ErrnoException).code) {
    case "ENOENT":
      return "the file does not exist";
    case "EISDIR":
      return "it is a folder";
    case "EACCES":
      return "permission denied";
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new RequestError(`\`--data\`: cannot read ${file}: ${fileProblem(cause)}.`, {
      cause,
    });
  }
}

/** Paths below the updated message, in ProtoJSON's form of masks: `name,lowStockThreshold`. */
function maskOf(given: readonly GivenValue[]): string {
  return given
    .filter(({ parameter }) => parameter.path.length > 1 && !parameter.positional && parameter.flag !== "etag")
    .map(({ parameter }) =>
      parameter.path
        .slice(1)
        .map(({ jsonName }) => jsonName)
        .join("."),
    )
    .join(",");
}

function put(json: JsonObject, parameter: Parameter, value: JsonValue): void {
  let place = json;
  for (const { jsonName } of parameter.path.slice(0, -1)) {
    const inner = place[jsonName];
    const next = typeof inner === "object" && inner !== null && !Array.isArray(inner) ? inner : {};
    place[jsonName] = next;
    place = next;
  }
  const last = parameter.path.at(-1);
  if (last === undefined) {
    throw new RequestError(`${pathOf(parameter)} is not a field`);
  }
  place[last.jsonName] = value;
}
