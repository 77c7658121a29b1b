// Lets schemathesis generate valid and invalid requests from /openapi.json, and checks every response against the document.
import { afterAll, beforeAll, expect, it } from "vitest";
import { has, run } from "./command-line.ts";
import { npmStart, type RunningStack } from "./running-stack.ts";

/** The generated requests for each operation. `SCHEMATHESIS_EXAMPLES=200` for a long run. */
const examples = process.env.SCHEMATHESIS_EXAMPLES ?? "4";

/** The checks of every response: no server errors, and conformance with the document. */
const checks = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "allow_header_conformance",
];

const there = await has("schemathesis");
if (!there) {
  console.warn("Left out, since schemathesis is not installed: requests generated from /openapi.json");
}

let stack: RunningStack;
beforeAll(async () => {
  if (there) {
    stack = await npmStart(["--log-level", "error"]);
  }
}, 90_000);
afterAll(() => stack?.dispose(), 90_000);

it.skipIf(!there)(
  "no generated request gets a 5xx, or a response that the document does not declare",
  async () => {
    const { code, output } = await run("schemathesis", [
      ...["run", `http://127.0.0.1:${8080 + stack.portOffset}/openapi.json`, "--checks", checks.join(",")],
      ...["--phases", "examples,fuzzing", "-n", examples, "--workers", "2", "--request-timeout", "10", "--no-color"],
      // A stream does not end by itself, and schemathesis waits for its end.
      ...["--exclude-path-regex", ":watch$", "--continue-on-failure", "--generation-database", "none"],
    ]);
    expect(output).toMatch(/Operations:\s+[2-9]\d selected/);
    expect(code, output).toBe(0);
  },
  60_000,
);
