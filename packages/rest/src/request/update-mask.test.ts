import { type Message, toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { jsonOf, testLibrary } from "../testing/library.ts";

async function maskOf(request: string, body: object): Promise<unknown> {
  const library = testLibrary();
  const response = await library.ask(request, { body: JSON.stringify(body) });
  const [call] = library.calls;
  const { input } = library.service.methods.find(({ name }) => name === "UpdateMember") ?? {};
  return call === undefined || input === undefined
    ? jsonOf(response)
    : (toJson(input, call.message as Message) as { updateMask?: string }).updateMask;
}

test.each([
  ["", { nickName: "n" }, "nickName"],
  ["", { nickName: "" }, "nickName"],
  ["", { visits: 0 }, "visits"],
  ["", { visits: null }, "visits"],
  ["", { nick_name: "n", visits: 1 }, "nickName,visits"],
  ["", { favourite: { size: 0 } }, "favourite"],
  ["", { id: "1", nickName: "" }, "nickName"],
  ["", { etag: "v1", nickName: "" }, "nickName"],
  ["", {}, undefined],
  ["", { id: "1", etag: "v1" }, undefined],
  ["?update_mask=", { visits: 0 }, "visits"],
  ["?update_mask=visits", { nickName: "n" }, "visits"],
  ["?update_mask=favourite.size", { favourite: { size: 0 } }, "favourite.size"],
])("PATCH%s %j updates %j", async (query, body, mask) => {
  expect(await maskOf(`PATCH /v1/members/1${query}`, body)).toEqual(mask);
});
