import { expect, it } from "vitest";
import { stackControlFile } from "./settings.ts";

const own = { AUTH: "off", HOST: "127.0.0.1", ALLOW_OPEN: false, STACK_CONTROL_FILE: "/data/stack.json" };

it("lets the console control the stack only if sign-in is off and no other machine reaches the gateway", () => {
  expect(stackControlFile(own)).toBe("/data/stack.json");
  expect(stackControlFile({ ...own, HOST: "localhost" })).toBe("/data/stack.json");
  for (const change of [
    { AUTH: "required" },
    { HOST: "0.0.0.0", ALLOW_OPEN: true },
    { HOST: "192.0.2.1", ALLOW_OPEN: true },
    { ALLOW_OPEN: true },
    { STACK_CONTROL_FILE: "" },
  ]) {
    expect(stackControlFile({ ...own, ...change }), JSON.stringify(change)).toBeUndefined();
  }
});
