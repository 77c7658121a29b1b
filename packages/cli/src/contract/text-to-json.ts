import { type DescEnum, type DescField, type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { elementForm, exampleOf } from "@parley/contract";
import { jsonFromText, TextValueError } from "@parley/rest";
import { type Parameter, pairOf } from "./parameters.ts";

/** The longest text of an amount of money: more digits are an error. */
const moneyLengthMax = 40;

/**
 * The ProtoJSON of a text on the command line. Throws `TextValueError` if it is invalid for the field; its message
 * continues "It is …".
 */
export function jsonOf({ path, kind }: Pick<Parameter, "path" | "kind">, text: string): JsonValue {
  const field = path.at(-1);
  if (field === undefined) {
    throw new TextValueError("a field that does not exist");
  }
  switch (kind) {
    case "pairs":
      return pairFromText(field, text);
    case "json":
      return anyJson(text);
    default:
      return jsonValue(field, text);
  }
}

/** The short names of an enum's values: `ORDER_STATE_CONFIRMED` is `confirmed`. Without the unspecified one. */
export function shortNames(descriptor: DescEnum): ReadonlyMap<string, string> {
  return new Map(
    descriptor.values
      .filter(({ number }) => number !== 0)
      .map(({ name }) => [shortName(descriptor, name), name] as const),
  );
}

/** The name of an enum's value without the enum's own name, which the contracts' style requires as a prefix. */
export function shortName(descriptor: DescEnum, name: string): string {
  const prefix = descriptor.name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase();
  const own = name.startsWith(`${prefix}_`) ? name.slice(prefix.length + 1) : name;
  return own.toLowerCase().replaceAll("_", "-");
}

function jsonValue(field: DescField, text: string): JsonValue {
  if (field.enum !== undefined) {
    return enumFromText(field.enum, text);
  }
  if (field.message?.typeName === "google.type.Money") {
    return moneyFromText(text);
  }
  if (field.message?.typeName === "google.protobuf.Timestamp") {
    return timeFromText(field, text);
  }
  return jsonFromText(field, text);
}

function enumFromText(descriptor: DescEnum, text: string): JsonValue {
  const names = shortNames(descriptor);
  const wanted = text.toLowerCase().replaceAll("_", "-");
  const name = names.get(wanted) ?? descriptor.values.find((value) => value.name === text)?.name;
  if (name === undefined) {
    throw new TextValueError(`none of ${[...names.keys()].join(", ")}`);
  }
  return name;
}

/** `999.99USD`, `999.99 USD` or `USD 999.99` (google.type.Money: whole units and billionths, with the same sign). */
function moneyFromText(text: string): JsonValue {
  const trimmed = text.trim();
  const match =
    trimmed.length > moneyLengthMax
      ? null
      : (/^(?<sign>-?)(?<units>\d+)(?:\.(?<decimals>\d{1,9}))?\s*(?<currency>[A-Za-z]{3})$/.exec(trimmed) ??
        /^(?<currency>[A-Za-z]{3})\s*(?<sign>-?)(?<units>\d+)(?:\.(?<decimals>\d{1,9}))?$/.exec(trimmed));
  const { sign = "", units = "", decimals = "", currency = "" } = match?.groups ?? {};
  if (match === null || BigInt(units) >= 2n ** 63n) {
    throw new TextValueError("no amount with a currency, such as 999.99USD, with at most nine decimals");
  }
  const nanos = Number(decimals.padEnd(9, "0"));
  return {
    currencyCode: currency.toUpperCase(),
    units: BigInt(`${sign}${units}`).toString(),
    nanos: sign === "-" ? -nanos : nanos,
  };
}

/** RFC 3339, or a date, which means midnight UTC. */
function timeFromText(field: DescField, text: string): JsonValue {
  return jsonFromText(field, /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text);
}

function pairFromText(field: DescField, text: string): JsonObject {
  const pair = field.message === undefined ? undefined : pairOf(field.message);
  const equals = text.lastIndexOf("=");
  if (pair === undefined || equals <= 0) {
    throw new TextValueError(`not of the form ${pair?.map(({ name }) => name.replaceAll("_", "-")).join("=")}`);
  }
  const [name, value] = pair;
  return {
    [name.jsonName]: jsonValue(name, text.slice(0, equals)),
    [value.jsonName]: jsonValue(value, text.slice(equals + 1)),
  };
}

function anyJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw Object.assign(new TextValueError("not JSON"), { cause });
  }
}

/** The required form of a parameter's text, with an example. Continues a sentence that begins with the parameter's name. */
export function formOf({ path, kind }: Pick<Parameter, "path" | "kind">): string {
  const field = path.at(-1);
  const pair = kind === "pairs" && field?.message !== undefined ? pairOf(field.message) : undefined;
  if (pair !== undefined) {
    return `must be ${pair.map(({ name }) => name.replaceAll("_", "-")).join("=")}, such as 101=2`;
  }
  if (kind === "json" || field === undefined) {
    return field === undefined ? "is unknown" : `must be JSON, such as ${JSON.stringify(exampleOf(field))}`;
  }
  if (field.enum !== undefined) {
    return `must be one of ${[...shortNames(field.enum).keys()].join(", ")}`;
  }
  switch (field.message?.typeName) {
    case "google.type.Money":
      return "must be an amount with a currency, such as 999.99USD, with at most nine decimals";
    case "google.protobuf.Timestamp":
      return "must be a time, such as 2026-11-28T09:00:00Z, or a day, such as 2026-11-28";
    case "google.protobuf.Duration":
      return "must be a duration, such as 1.5s";
    case "google.protobuf.FieldMask":
      return "must be field names separated by commas, such as name,price";
    default:
      return elementForm(field);
  }
}

/** The placeholder of a value in the help: `<number>`, `<amount>`, `<product-id=quantity>`. */
export function valueName({ path, kind }: Pick<Parameter, "path" | "kind">): string {
  const field = path.at(-1);
  const pair = kind === "pairs" && field?.message !== undefined ? pairOf(field.message) : undefined;
  if (pair !== undefined) {
    return pair.map(({ name }) => name.replaceAll("_", "-")).join("=");
  }
  if (kind === "mask") {
    return "fields";
  }
  if (kind === "json") {
    return "json";
  }
  if (field?.enum !== undefined) {
    return (
      field.enum.name
        .split(/(?=[A-Z])/)
        .at(-1)
        ?.toLowerCase() ?? "name"
    );
  }
  switch (field?.message?.typeName) {
    case "google.type.Money":
      return "amount";
    case "google.protobuf.Timestamp":
      return "time";
    case "google.protobuf.Duration":
      return "duration";
  }
  return scalarName(field?.scalar);
}

function scalarName(type: ScalarType | undefined): string {
  switch (type) {
    case ScalarType.STRING:
      return "text";
    case ScalarType.BYTES:
      return "base64";
    case ScalarType.BOOL:
      return "true|false";
    default:
      return "number";
  }
}
