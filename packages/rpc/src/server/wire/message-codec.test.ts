import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { expect, it } from "vitest";
import { methodCodecs } from "./message-codec.ts";

it.each([
  [true, [["extra", "nested"]]],
  [false, []],
])("unknown fields are ignored, and logged at the level debug: %s", (isDebug, mentioned) => {
  const found: unknown[] = [];
  const log = {
    isLevelEnabled: () => isDebug,
    debug: ({ fields }: { readonly fields: readonly string[] }, message: string) => {
      expect(message).toBe("A request has fields that its contract does not have. They are ignored.");
      found.push(fields);
    },
  };
  const { json } = methodCodecs(EchoService.method.echo, { json: {}, log: log as never });
  const request = json.decode(Buffer.from('{"message":"hi","extra":1,"nested":{"deep":true}}'));
  expect(request).toMatchObject({ message: "hi" });
  json.decode(Buffer.from('{"message":"hi"}'));
  expect(found).toEqual(mentioned);
});
