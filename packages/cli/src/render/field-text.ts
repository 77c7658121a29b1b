import { type DescEnum, type DescField, ScalarType } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { shortName } from "../contract/text-to-json.ts";
import { printable } from "./printable.ts";

/** A field's value for a person; empty if it is not set. Lists are counted: they get their own lines elsewhere. */
export function fieldText(message: ReflectMessage, field: DescField): string {
  switch (field.fieldKind) {
    case "scalar":
      return scalarText(field.scalar, message.get(field));
    case "enum":
      return enumText(field.enum, message.get(field));
    case "message":
      return message.isSet(field) ? messageText(message.get(field)) : "";
    case "list": {
      const list = message.get(field);
      return field.listKind === "message"
        ? countText(list.size)
        : [...list].map((item) => printable(String(item))).join(", ");
    }
    case "map":
      return countText(message.get(field).size);
  }
}

/** Whether a column or a value is right-aligned, as numbers are. */
export function isNumeric(field: DescField): boolean {
  const isNumber =
    field.fieldKind === "scalar" &&
    field.scalar !== ScalarType.STRING &&
    field.scalar !== ScalarType.BOOL &&
    field.scalar !== ScalarType.BYTES;
  return isNumber || field.message?.typeName === "google.type.Money";
}

/** An amount for people: `2,029.97 USD`. */
export function moneyText(units: bigint, nanos: number, currencyCode: string): string {
  const isNegative = units < 0n || nanos < 0;
  const whole = (units < 0n ? -units : units).toLocaleString("en-US");
  const decimals = Math.abs(nanos)
    .toString()
    .padStart(9, "0")
    .replace(/0{1,7}$/, "");
  return `${isNegative ? "-" : ""}${whole}.${decimals} ${printable(currencyCode)}`.trim();
}

/** Local time, to the second. */
export function timeText(epochMs: number): string {
  const date = new Date(epochMs);
  if (Number.isNaN(date.getTime())) {
    return "";
  }
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function scalarText(type: ScalarType, value: unknown): string {
  switch (type) {
    case ScalarType.BOOL:
      return value === true ? "yes" : "no";
    case ScalarType.BYTES:
      return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : "";
    default:
      return printable(String(value));
  }
}

function enumText(descriptor: DescEnum, number: number): string {
  const name = descriptor.value[number]?.name;
  return number === 0 ? "" : name === undefined ? String(number) : shortName(descriptor, name);
}

function messageText(message: ReflectMessage): string {
  const part = (name: string): unknown => {
    const field = message.fields.find((one) => one.name === name);
    return field === undefined ? undefined : message.get(field);
  };
  switch (message.desc.typeName) {
    case "google.type.Money":
      return moneyText(part("units") as bigint, part("nanos") as number, String(part("currency_code")));
    case "google.protobuf.Timestamp":
      return timeText(Number(part("seconds")) * 1_000 + Number(part("nanos")) / 1e6);
    case "google.protobuf.Duration":
      return `${Number(part("seconds")) + Number(part("nanos")) / 1e9} s`;
    default:
      return message.fields
        .map((field) => fieldText(message, field))
        .filter((text) => text !== "")
        .join(", ");
  }
}

function countText(count: number): string {
  return count === 0 ? "" : String(count);
}
