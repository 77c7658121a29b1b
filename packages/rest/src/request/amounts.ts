import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { type Binding, findField, findJsonMistake, isJsonObject } from "@parley/contract";
import { mistake } from "./body-fields.ts";
import { DecimalAmountError, decimalAmount } from "./decimal-amount.ts";

const moneyType = "google.type.Money";

/**
 * Replaces each number of a parsed body that stands where the contract has a `google.type.Money` by that amount of the currency, in place. The
 * digits are those of the body's text: a number that JavaScript has read may be rounded. Throws a RestProblem that names the field for a number that
 * is no amount, and for a value that is neither a number nor an object.
 */
export function readAmounts(
  { body, method }: Pick<Binding, "body" | "method">,
  json: JsonValue | undefined,
  { text, currency }: { readonly text: () => string; readonly currency: string },
): JsonValue | undefined {
  if (json === undefined || body === "none") {
    return json;
  }
  let written: JsonValue | undefined;
  const amount: Amount = (path, steps) => {
    written ??= numbersAsText(text());
    return moneyOf(valueAt(written, steps), { path, currency });
  };
  const at = { path: "", steps: [], amount };
  if (body === "all") {
    inMessage(method.input, json, at);
    return json;
  }
  // The fields of a message that is the body have no name before their own.
  const isMessage = body.fieldKind === "message" && body.message.typeName !== moneyType;
  return inField(body, json, isMessage ? at : { ...at, path: body.jsonName });
}

type Step = string | number;
type Amount = (path: string, steps: readonly Step[]) => JsonObject;

/** The place of a value: its path in the caller's spelling, for messages, and the steps from the body's root. */
interface Place {
  readonly path: string;
  readonly steps: readonly Step[];
  readonly amount: Amount;
}

function inMessage(message: DescMessage, json: JsonValue, place: Place): void {
  if (!isJsonObject(json) || !holdsMoney(message)) {
    return;
  }
  for (const [name, value] of Object.entries(json)) {
    const field = findField(message, name);
    if (field !== undefined) {
      json[name] = inField(field, value, below(place, name, place.path === "" ? name : `.${name}`));
    }
  }
}

function inField(field: DescField, value: JsonValue, place: Place): JsonValue {
  if (field.message === undefined || value === null) {
    return value;
  }
  if (field.fieldKind === "list" && Array.isArray(value)) {
    return value.map((item, index) => inElement(field.message, item, below(place, index, `[${index}]`)));
  }
  if (field.fieldKind === "map" && isJsonObject(value)) {
    const entries = Object.entries(value).map(([key, item]) => [
      key,
      inElement(field.message, item, below(place, key, `[${JSON.stringify(key)}]`)),
    ]);
    return Object.fromEntries(entries);
  }
  return field.fieldKind === "message" ? inElement(field.message, value, place) : value;
}

function inElement(message: DescMessage | undefined, value: JsonValue, place: Place): JsonValue {
  if (message?.typeName === moneyType && typeof value === "number") {
    return place.amount(place.path, place.steps);
  }
  if (message?.typeName === moneyType && value !== null && !isJsonObject(value)) {
    throw mistake({ path: place.path, description: `${amountForm(value)}${objectForm(message, value)}` });
  }
  if (message !== undefined) {
    inMessage(message, value, place);
  }
  return value;
}

/** The example is the given decimal, if it was in quotes. */
function amountForm(value: JsonValue): string {
  const number = typeof value === "string" && /^\d{1,15}(?:\.\d{1,9})?$/.test(value) ? value : "199.99";
  return `must be a number, such as ${number}, or `;
}

function objectForm(message: DescMessage, value: JsonValue): string {
  return (findJsonMistake(message, value, "amount")?.description ?? "").replace(/^must be /, "");
}

function below({ path, steps, amount }: Place, step: Step, shown: string): Place {
  return { path: `${path}${shown}`, steps: [...steps, step], amount };
}

function moneyOf(
  written: JsonValue | undefined,
  { path, currency }: { readonly path: string; readonly currency: string },
): JsonObject {
  try {
    const { units, nanos } = decimalAmount(typeof written === "string" ? written : "");
    return { currencyCode: currency, units: units.toString(), nanos };
  } catch (cause) {
    if (!(cause instanceof DecimalAmountError)) {
      throw cause;
    }
    throw mistake({ path, description: cause.message }, cause);
  }
}

/** The value of valid JSON with the text of each number in its place. */
function numbersAsText(text: string): JsonValue {
  return JSON.parse(
    text.replace(stringOrNumber, (token) => (token.startsWith('"') ? token : `"${token}"`)),
  ) as JsonValue;
}

const stringOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;

function valueAt(json: JsonValue, steps: readonly Step[]): JsonValue | undefined {
  let value: JsonValue | undefined = json;
  for (const step of steps) {
    value = (value as Record<Step, JsonValue> | undefined)?.[step];
  }
  return value;
}

const known = new WeakMap<DescMessage, boolean>();

/** Whether a message contains an amount of money, at any depth. Bodies of other messages are not searched. */
export function holdsMoney(message: DescMessage): boolean {
  let holds = known.get(message);
  if (holds === undefined) {
    holds = findsMoney(message, new Set());
    known.set(message, holds);
  }
  return holds;
}

function findsMoney(message: DescMessage, seen: Set<DescMessage>): boolean {
  seen.add(message);
  return message.fields.some(
    ({ message: inner }) =>
      inner !== undefined && (inner.typeName === moneyType || (!seen.has(inner) && findsMoney(inner, seen))),
  );
}
