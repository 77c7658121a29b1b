// Lets schemathesis make up requests from /openapi.json, valid and invalid ones, and holds every answer to the document.
import { afterAll, beforeAll, expect, it } from "vitest";
import { has, run } from "./command-line.ts";
import { npmStart, type RunningStack } from "./running-stack.ts";

/** Requests made up for each operation. A few here; `SCHEMATHESIS_EXAMPLES=200` for a long look. */
const examples = process.env.SCHEMATHESIS_EXAMPLES ?? "4";

/** What every answer is held to: nothing is the server's fault, and all of it is as the document says. */
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
  console.warn("Left out, since schemathesis is not there: requests made up from /openapi.json");
}

let stack: RunningStack;
beforeAll(async () => {
  if (there) {
    stack = await npmStart(["--log-level", "error"]);
  }
}, 90_000);
afterAll(() => stack?.dispose(), 90_000);

it.skipIf(!there)(
  "no request that can be made up gets a 5xx, or an answer that the document does not know",
  async () => {
    const { code, output } = await run("schemathesis", [
      ...["run", `http://127.0.0.1:${8080 + stack.portOffset}/openapi.json`, "--checks", checks.join(",")],
      ...["--phases", "examples,fuzzing", "-n", examples, "--workers", "2", "--request-timeout", "10", "--no-color"],
      // A stream does not end by itself, and schemathesis waits for the end.
      ...["--exclude-path-regex", ":watch$", "--continue-on-failure", "--generation-database", "none"],
    ]);
    expect(output).toMatch(/Operations:\s+[2-9]\d selected/);
    expect(code, output).toBe(0);
  },
  60_000,
);
