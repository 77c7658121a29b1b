import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { misspeltSettings } from "./misspelt-settings.ts";
import { serverSettings } from "./settings.ts";

const settings = [...Object.keys(serverSettings), "ECHO_A_SERVICE_URL", "ORDER_SERVICE_URL"];

describe("a misspelt setting", () => {
  it.each([
    ["AUT", "AUTH"],
    ["AUTHH", "AUTH"],
    ["ATUH", "AUTH"],
    ["AUTJ", "AUTH"],
    ["LOG_LEVLE", "LOG_LEVEL"],
    ["TLS_CERTFILE", "TLS_CERT_FILE"],
    ["ORDER_SERVICE_URI", "ORDER_SERVICE_URL"],
  ])("%s is reported, with %s as the suggestion", (name, meant) => {
    expect(misspeltSettings({ [name]: "x" }, settings)).toEqual([{ name, meant }]);
  });

  it("is reported for every setting without one of its letters", () => {
    for (const setting of settings.filter(({ length }) => length > 4)) {
      for (let index = 0; index < setting.length; index++) {
        const name = setting.slice(0, index) + setting.slice(index + 1);
        if (/^[A-Z]/.test(name) && !/_PORT$|_SERVICE_HOST$/.test(name) && !settings.includes(name)) {
          expect(misspeltSettings({ [name]: "x" }, settings), name).not.toEqual([]);
        }
      }
    }
  });
});

describe("not a misspelt setting", () => {
  it.each([
    "AUTH",
    "PATH",
    "HOSTNAME",
    "HOME",
    "ORDER_SERVICE_HOST",
    "ORDER_SERVICE_PORT",
    "ORDER_SERVICE_PORT_GRPC",
    "ORDER_PORT",
    "ORDER_PORT_50053_TCP",
    "ORDER_PORT_50053_TCP_ADDR",
    "AUT_SERVICE_HOST",
    "TLS_PORT",
    "ECHO_B_SERVICE_URL",
    "npm_config_host",
  ])("%s", (name) => {
    expect(misspeltSettings({ [name]: "x" }, settings)).toEqual([]);
  });

  it("is any variable that Kubernetes sets for a Service", () => {
    const serviceName = fc.stringMatching(/^[A-Z]([A-Z0-9_]{0,20}[A-Z0-9])?$/);
    fc.assert(
      fc.property(serviceName, fc.integer({ min: 1, max: 65_535 }), (name, port) => {
        const variables = [
          `${name}_SERVICE_HOST`,
          `${name}_SERVICE_PORT`,
          `${name}_SERVICE_PORT_HTTP`,
          `${name}_PORT`,
          `${name}_PORT_${port}_TCP`,
          `${name}_PORT_${port}_TCP_PROTO`,
          `${name}_PORT_${port}_TCP_PORT`,
          `${name}_PORT_${port}_TCP_ADDR`,
        ];
        expect(misspeltSettings(Object.fromEntries(variables.map((each) => [each, "x"])), settings)).toEqual([]);
      }),
    );
  });
});
