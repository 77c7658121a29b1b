import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { stepInWords } from "../menu/follow-trace.ts";
import { collectTrace } from "./collect-trace.ts";
import { newTrace } from "./known-traces.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
  }
});

/** A service that tells what `answers` has, one after the other; the last again and again. */
async function telling(name: string, ...answers: readonly unknown[]) {
  let asked = 0;
  const server = createServer((_request, response) => {
    const answer = answers[Math.min(asked++, answers.length - 1)];
    response.writeHead(typeof answer === "number" ? answer : 200).end(JSON.stringify({ calls: answer }));
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const address = server.address();
  return { name, url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}` };
}
const call = (caller: string, method: string, startTimeMs: number) => ({
  service: "x.v1.X",
  method,
  caller,
  startTimeMs,
  durationMs: 1,
  code: "OK",
});
const brief = ({ calls }: Awaited<ReturnType<typeof collectTrace>>) =>
  calls.map(({ from, to, method, startMs }) => `${startMs} ${from} → ${to} ${method}`);
const asIs = { isWhole: () => true, waitMaxMs: 0 };

describe("a trace told by several services", () => {
  it("is one sequence that begins with the call from outside", async () => {
    const services = [
      await telling("user", [call("order", "Validate", 1_002)]),
      await telling("order", [call("parley", "Create", 1_000.5)]),
    ];
    expect(brief(await collectTrace("t", { services, ...asIs }))).toEqual([
      "0 you → order Create",
      "1.5 order → user Validate",
    ]);
  });

  it("begins with that call though another clock says otherwise", async () => {
    const services = [
      await telling("user", [call("order", "Validate", 999)]),
      await telling("order", [call("curl", "Create", 1_000)]),
    ];
    expect(brief(await collectTrace("t", { services, ...asIs }))).toEqual([
      "0 you → order Create",
      "0 order → user Validate",
    ]);
  });

  it("is asked for again until it is whole", async () => {
    const services = [await telling("order", [], [call("parley", "Create", 1)])];
    const trace = await collectTrace("t", { services, isWhole: (calls) => calls.length > 0, waitMaxMs: 10_000 });
    expect(trace.calls).toHaveLength(1);
  });

  it("names who told nothing, and why", async () => {
    const services = [
      await telling("user", 404),
      await telling("product", 500),
      { name: "order", url: "http://127.0.0.1:1" },
    ];
    const { calls, silent } = await collectTrace("t", { services, ...asIs });
    expect(calls).toEqual([]);
    expect(silent).toEqual([
      expect.stringMatching(/^user: .*AUTH=required/),
      "product: answered 500",
      expect.stringMatching(/^order: cannot be asked/),
    ]);
  });
});

it("makes a trace context as the specification has it", () => {
  const { traceId, traceparent } = newTrace();
  expect(traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  expect(newTrace().traceId).not.toBe(traceId);
});

it("says of each step what it is", () => {
  const step = { from: "order", to: "user", service: "user.v1.UserService", method: "ValidateUser", startMs: 2 };
  const validate = { ...step, durationMs: 1.25, code: "OK" };
  expect(stepInWords({ kind: "call", call: validate, atMs: 2 })).toMatch(
    /^At 2\.0 ms order calls user: user\.v1\.UserService\/ValidateUser\. Checks whether a user may place orders/,
  );
  expect(stepInWords({ kind: "answer", call: validate, atMs: 3.25 })).toBe(
    "At 3.3 ms user answers order after 1.3 ms: OK.",
  );
});
