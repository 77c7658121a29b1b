import type { DescMethod } from "@bufbuild/protobuf";
import { services } from "@parley/cli";
import { isExposed } from "@parley/contract";
import { EventService } from "@parley/gen/event/v1/event_service_pb.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { servicesByProcess } from "../contracts.ts";
import { admin, everyCaller, signIn, signUp, stealKeys, type TestCaller } from "./access-callers.ts";
import { type Attempt, type Dialect, type Outcome, restDialect, rpcDialects } from "./access-dialects.ts";
import { accessTable, type Row, type Rule } from "./access-table.ts";
import { npmStart, type RunningStack } from "./running-stack.ts";

/** The number of calls in flight: enough to keep every process busy. */
const atOnce = 24;
/** The maximum number of retries after a timeout on a busy machine, which says nothing about access. */
const triesMax = 5;

let stack: RunningStack;
let table: Readonly<Record<string, Row>>;
let callers: Readonly<Record<string, TestCaller>>;
/** The ids of the users among the callers. */
let users: readonly string[];

const urlOf = (name: string) => {
  const port = services.find((service) => service.name === name)?.port ?? Number.NaN;
  return `http://127.0.0.1:${port + stack.portOffset}`;
};

beforeAll(async () => {
  stack = await npmStart([], { ...admin, AUTH: "required" });
  const gateway = urlOf("gateway");
  const aliceId = await signUp(gateway, "alice@example.com");
  await signUp(gateway, "bob@example.com");
  callers = await everyCaller(gateway, { keys: await stealKeys(stack), aliceId });
  users = [aliceId];
  const alice = await signIn(gateway, "alice@example.com");
  const answer = await fetch(`${gateway}/orders`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${alice.accessToken}` },
    body: JSON.stringify({ userId: aliceId, items: [{ productId: "102", quantity: 1 }] }),
  });
  const { order } = (await answer.json()) as { order: { id: string } };
  table = accessTable({ aliceId, orderOfAlice: order.id });
}, 90_000);
afterAll(() => stack?.dispose());

test("the table contains every method of the stack, and no other", () => {
  const methods = Object.values(servicesByProcess)
    .flat()
    .flatMap((service) => service.methods);
  expect(methods.map(nameOf).sort()).toEqual(Object.keys(table).sort());
});

test("each service grants the access of the table, over every protocol", async () => {
  const cells = everyMethod().flatMap(([process, method]) =>
    Object.entries(rpcDialects(urlOf(process))).flatMap(([dialect, call]) =>
      cellsOf(method, { where: process, dialect, call, expected }),
    ),
  );
  await compare(cells);
}, 60_000);

test("the gateway grants the same access over every protocol and REST, and does not expose service-only methods", async () => {
  const rpc = Object.entries(rpcDialects(urlOf("gateway")));
  const cells = everyMethod().flatMap(([, method]) => {
    const rest = restDialect(urlOf("gateway"), method);
    const dialects = rest === undefined ? rpc : [...rpc, ["rest", rest] as const];
    return dialects.flatMap(([dialect, call]) =>
      cellsOf(method, { where: "gateway", dialect, call, expected: atGateway(method) }),
    );
  });
  await compare(cells);
}, 60_000);

test("the gateway refuses a REST caller before it reads the request body", async () => {
  const cells = everyMethod().flatMap(([, method]) => {
    const call = restDialect(urlOf("gateway"), method, { unreadable: true });
    // Ownership is known only after the request is read.
    const anOwner: typeof expected = (rule, caller) =>
      rule === "owner" && caller.is === "other" ? "in" : expected(rule, caller);
    return call === undefined ? [] : cellsOf(method, { where: "gateway", dialect: "rest", call, expected: anOwner });
  });
  await compare(cells, 100);
}, 60_000);

test("a service may deliver its own events, and no other service's", async () => {
  const { headers } = callers["a service"] ?? expect.fail();
  const method = EventService.method.deliver;
  const request = { events: [{ id: "event-of-another", source: "/services/product" }] };
  for (const call of Object.values(rpcDialects(urlOf("notification")))) {
    expect(await call({ method, request, headers })).toBe("PermissionDenied EVENT_SOURCE_MISMATCH");
  }
});

test("the logs contain the callers, and never a token", () => {
  const output = stack.output();
  for (const caller of [`user:${users[0]}`, "service:order", "admin:"]) {
    expect(output).toContain(`"caller":"${caller}`);
  }
  expect(output).toContain(`"onBehalfOf":"user:${users[0]}"`);
  for (const { headers } of Object.values(callers)) {
    const token = headers.authorization?.split(" ")[1];
    expect(token !== undefined && output.includes(token)).toBe(false);
  }
});

interface Cell {
  readonly name: string;
  readonly expected: Outcome;
  readonly attempt: Attempt;
  readonly call: Dialect;
}

interface CellOptions {
  /** The process, and the protocol. */
  readonly where: string;
  readonly dialect: string;
  readonly call: Dialect;
  readonly expected: (rule: Rule, caller: TestCaller) => Outcome;
}

function everyMethod(): readonly (readonly [process: string, method: DescMethod])[] {
  return Object.entries(servicesByProcess).flatMap(([process, offered]) =>
    offered.flatMap((service) => service.methods.map((method) => [process, method] as const)),
  );
}

function cellsOf(method: DescMethod, { where, dialect, call, expected }: CellOptions): readonly Cell[] {
  const row = table[nameOf(method)];
  const json = dialect === "connect" || dialect === "rest";
  if (row === undefined || (row.costly && !json)) {
    return [];
  }
  const withRare = dialect === "connect" && where !== "gateway" && !row.costly;
  const asked = Object.entries(callers).filter(([, { rare }]) => !rare || withRare);
  return asked.map(([who, caller]) => ({
    name: `${nameOf(method)} by ${who}, ${where} ${dialect}`,
    expected: expected(row.rule, caller),
    attempt: { method, request: row.request, headers: caller.headers },
    call,
  }));
}

const letsIn: Readonly<Record<Rule, readonly TestCaller["is"][]>> = {
  public: ["anonymous", "other", "owner", "admin", "service", "refused", "ended"],
  owner: ["owner", "admin"],
  admin: ["admin"],
  service: ["service"],
};

const refusals: Partial<Record<TestCaller["is"], Outcome>> = {
  anonymous: "TOKEN_MISSING",
  refused: "TOKEN_REFUSED",
  ended: "TOKEN_ENDED",
};

function expected(rule: Rule, { is }: TestCaller): Outcome {
  return letsIn[rule].includes(is) ? "in" : (refusals[is] ?? "PERMISSION_DENIED");
}

/**
 * At the gateway, a service-only method is UNIMPLEMENTED for callers with access, and the others get their refusal. A contract
 * with only such methods is UNIMPLEMENTED for every caller.
 */
function atGateway({ parent }: DescMethod): typeof expected {
  return (rule, caller) => {
    const outcome = expected(rule, caller);
    return !parent.methods.some(isExposed) || (rule === "service" && outcome === "in") ? "absent" : outcome;
  };
}

/** Makes all calls, several at a time, and lists those with an unexpected outcome. */
async function compare(cells: readonly Cell[], cellsMin = 1_000): Promise<void> {
  const wrong: string[] = [];
  const left = cells.values();
  const work = async () => {
    for (const { name, expected, attempt, call } of left) {
      let outcome = await call(attempt);
      for (let tries = 1; outcome === "DeadlineExceeded" && tries < triesMax; tries++) {
        outcome = await call(attempt);
      }
      if (outcome !== expected) {
        wrong.push(`${name}: ${outcome} instead of ${expected}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  expect(cells.length).toBeGreaterThan(cellsMin);
  expect(wrong).toEqual([]);
}

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}
