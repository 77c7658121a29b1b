// PostgreSQL refuses NUL in text. So the contract must refuse it in every text of a request.
import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import { describe, expect, test } from "vitest";
import { servicesByProcess } from "../contracts.ts";

/** Fields that are never stored as text, each with the reason. */
const exempt: Readonly<Record<string, string>> = {
  "user.v1.CreateUserRequest.password": "hashed, and may hold any character",
  "user.v1.ChangePasswordRequest.password": "hashed",
  "user.v1.ChangePasswordRequest.current_password": "hashed",
  "user.v1.ChangePasswordRequest.new_password": "hashed",
  "user.v1.LoginRequest.password": "hashed",
  "echo.v1.EchoRequest.message": "only sent back",
  "echo.v1.CallEchoRequest.message": "only sent back",
};

/** Events come from services, whose own requests refuse NUL. A refused event would block all others of its delivery. */
const exemptServices: ReadonlySet<string> = new Set(["event.v1.EventService"]);

const methods = Object.values(servicesByProcess)
  .flat()
  .filter(({ typeName }) => !exemptServices.has(typeName))
  .flatMap((service) => service.methods);

const validator = createValidator();

/** Texts that satisfy the various rules. */
const texts = ["ab", "USD", "alice@example.com", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"];

describe("every text of a request refuses NUL", () => {
  test.each(methods.map((method) => [String(method).replace(/^rpc /, ""), method] as const))(
    "%s",
    (_name, { input }) => {
      const missing = textsOf(input)
        .filter((path) => exempt[nameOf(path)] === undefined)
        .filter((path) => !texts.some((text) => refusesOnly(input, path, text)))
        .map(nameOf);
      expect(missing).toEqual([]);
    },
  );

  test("every exempt field exists", () => {
    const all = new Set(methods.flatMap(({ input }) => textsOf(input).map(nameOf)));
    expect(Object.keys(exempt).filter((name) => !all.has(name) && !/ChangePassword/.test(name))).toEqual([]);
    expect(all.size).toBeGreaterThan(40);
  });
});

/** Whether a text violates a rule only with NUL. */
function refusesOnly(input: DescMessage, path: readonly DescField[], text: string): boolean {
  const clean = new Set(violations(input, path, text));
  return violations(input, path, `${text}\0`).some((violation) => !clean.has(violation));
}

function violations(input: DescMessage, path: readonly DescField[], text: string): readonly string[] {
  const result = validator.validate(input, fromJson(input, holding(path, text)));
  return (result.violations ?? []).map(({ field, ruleId }) => `${pathToString(field)} ${ruleId}`);
}

/** A JSON message with a text at a path, and nothing else. */
function holding([field, ...rest]: readonly DescField[], text: string): JsonObject {
  const value: JsonValue = rest.length === 0 ? text : holding(rest, text);
  return field === undefined ? {} : { [field.jsonName]: field.fieldKind === "list" ? [value] : value };
}

function nameOf(path: readonly DescField[]): string {
  return `${path[0]?.parent.typeName}.${path.map(({ name }) => name).join(".")}`;
}

/**
 * Well-known types, and the origins of batched calls, which the runtime parses like headers: it drops values that a header
 * cannot contain.
 */
const withOwnRules = /^google\.protobuf\.|^rpc\.v1\.CallOrigin$/;

/** The paths of all text fields of a message. */
function textsOf(message: DescMessage, above: readonly DescField[] = []): readonly (readonly DescField[])[] {
  return message.fields.flatMap((field) => {
    const path = [...above, field];
    if (field.scalar === ScalarType.STRING && field.fieldKind !== "map") {
      return [path];
    }
    return field.message === undefined || withOwnRules.test(field.message.typeName) || path.length > 4
      ? []
      : textsOf(field.message, path);
  });
}
