import { describe, expect, it } from "vitest";
import { RestProblem } from "../problem.ts";
import { parseBody } from "./body.ts";

const mebibyte = 1 << 20;

describe("a body that costs more than its size suggests", () => {
  it.each([
    ["empty objects", `{"items":[${"{},".repeat(300_000)}{}]}`, "elements"],
    ["numbers", `[${"1,".repeat(500_000)}1]`, "fields"],
    ["keys", `{${Array.from({ length: 80_000 }, (_, id) => `"k${id}":1`).join(",")}}`, "fields"],
    ["levels", "[".repeat(mebibyte), "depth"],
  ])("is refused before it is parsed: %s", (_name, text, limit) => {
    let problem: RestProblem | undefined;
    try {
      parseBody(Buffer.from(text), "application/json");
    } catch (error) {
      problem = error as RestProblem;
    }
    expect(problem).toBeInstanceOf(RestProblem);
    expect(problem?.error.rawMessage).toContain("limit");
    expect(problem?.error.details[0]).toMatchObject({ value: { metadata: { limit } } });
  });

  it("is accepted if it is only long", () => {
    const text = JSON.stringify({ note: '{"[,:'.repeat(50_000) });
    expect(parseBody(Buffer.from(text), "application/json")).toEqual(JSON.parse(text));
  });
});
