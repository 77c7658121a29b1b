// `parley trace`, `traces`, `calls` and `logs` beside a running stack, each in a process of its own, as its users run it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Parley, parleyFor } from "../e2e/parley.ts";
import { npmStart, type RunningStack } from "../e2e/running-stack.ts";
import { eventually } from "../processes/eventually.ts";

let stack: RunningStack;
let parley: Parley;
beforeAll(async () => {
  stack = await npmStart();
  parley = parleyFor(stack.portOffset);
}, 120_000);
afterAll(() => stack?.dispose(), 90_000);

/** Places an order through the gateway, and returns the id of its trace, which the command prints. */
async function placeOrder(): Promise<string> {
  const gateway = `http://127.0.0.1:${8080 + stack.portOffset}`;
  const order = ["order", "create", "--user", "1", "--item", "103=1", "--url", gateway];
  const { output, errorOutput } = await parley.run(...order);
  const [, traceId] = /^npx parley trace ([0-9a-f]{32})$/m.exec(output) ?? [];
  return traceId ?? expect.fail(`no trace in ${output}${errorOutput}`);
}

/** Each hop of an order, as `parley trace` draws it: caller, callee and label. */
const hops = [
  /you +gateway +order/,
  /├[─ ]*CreateOrder[─ ]*▶[\s\S]*├[─ ]*CreateOrder[─ ]*▶/,
  /ValidateUser/,
  /ReserveStock/,
  /parley\.order\.confirmed\.v1/,
  / send /,
];
const missing = (output: string) => hops.filter((hop) => !hop.test(output)).map(String);

describe("parley trace", () => {
  it("shows every hop of an order that was just placed, in one run", async () => {
    // It waits for a second at most. On a busy machine the notification may take longer, so another order may be tried.
    const read = async () => (await parley.run("trace", await placeOrder())).output;
    const output = await eventually(read, (text) => missing(text).length === 0, 60_000);
    expect(missing(output)).toEqual([]);
    expect(output).toMatch(/^trace [0-9a-f]{32} {2}\d+ spans$/m);
  }, 90_000);

  it("prints the same spans as JSON", async () => {
    const { output, code } = await parley.run("trace", await placeOrder(), "--json");
    expect(code).toBe(0);
    const { calls } = JSON.parse(output) as { readonly calls: readonly { readonly spanId: string }[] };
    expect(new Set(calls.map(({ spanId }) => spanId)).size).toBe(calls.length);
    expect(calls.length).toBeGreaterThan(5);
  }, 60_000);

  it("reports an unknown trace, and refuses an invalid trace id", async () => {
    const unknown = await parley.run("trace", "f".repeat(32));
    expect([unknown.code, unknown.output]).toEqual([1, expect.stringContaining("No call of the trace")]);
    const invalid = await parley.run("trace", "4711");
    expect([invalid.code, invalid.errorOutput]).toEqual([2, expect.stringContaining("It must be a trace id")]);
  }, 60_000);
});

it("parley logs shows the lines of one service, and follows them with --follow", async () => {
  const following = parley.start("logs", "order", "--follow", "-n", "0", "--data", stack.dataFolder);
  const traceId = await placeOrder();
  const followed = async () => following.output();
  expect(await eventually(followed, (text) => text.includes(traceId), 30_000)).toContain(traceId);
  following.child.kill("SIGINT");
  expect(await following.exitCode).toBe(0);
  const { output, code } = await parley.run("logs", "order", "-n", "500", "--data", stack.dataFolder);
  expect(code).toBe(0);
  expect(output).toContain(traceId);
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  expect(new Set(lines.map((line) => (JSON.parse(line) as { readonly name: string }).name))).toEqual(
    new Set(["order"]),
  );
}, 90_000);

it("parley calls --failed shows the failing hop while product is stopped, and parley traces --failed lists its trace", async () => {
  const calls = parley.start("calls", "--failed");
  const succeeding = parley.start("calls", "--service", "order", "--json");
  const stop = await parley.run("stop", "product", "--data", stack.dataFolder);
  expect([stop.code, stop.errorOutput]).toEqual([0, ""]);
  let failed = "";
  const order = async () => {
    failed = (await parley.run("order", "create", "--user", "1", "--item", "103=1")).errorOutput;
    return calls.output();
  };
  const hop = /order → product {2}ReserveStock {2}UNAVAILABLE .*DEPENDENCY_UNAVAILABLE/;
  expect(await eventually(order, (text) => hop.test(text), 60_000)).toMatch(hop);
  const [, traceId] = /\btrace(?: id)? +([0-9a-f]{32})/.exec(failed) ?? [];
  expect(failed).toContain("UNAVAILABLE");
  expect(traceId, failed).toBeDefined();
  for (const line of calls.output().trim().split("\n")) {
    expect(line).not.toMatch(/ {2}OK /);
  }
  const shown = succeeding
    .output()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly method: string });
  expect(shown.map(({ method }) => method)).toContain("CreateOrder");
  for (const running of [calls, succeeding]) {
    running.child.kill("SIGINT");
    expect(await running.exitCode).toBe(0);
  }
  const traces = await parley.run("traces", "--failed", "--limit", "100");
  expect([traces.code, traces.output]).toEqual([0, expect.stringContaining(traceId ?? "")]);
  const { output } = await parley.run("trace", traceId ?? "");
  expect(output).toMatch(/UNAVAILABLE {2}order → product ReserveStock/);
}, 180_000);
