// Guests of a stack whose callers must sign in: GUEST_ORDERS=on lets a caller without a token order, and nothing else.
import { services } from "@parley/cli";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { admin, signIn, signUp } from "./access-callers.ts";
import { type Attempt, type Dialect, type Outcome, restDialect, rpcDialects } from "./access-dialects.ts";
import { run } from "./command-line.ts";
import { npmStart, type RunningStack } from "./running-stack.ts";

const { createOrder, getOrder, listOrders, cancelOrder, watchOrders } = OrderService.method;

let stack: RunningStack;
const urlOf = (name: string) => {
  const port = services.find((service) => service.name === name)?.port ?? Number.NaN;
  return `http://127.0.0.1:${port + stack.portOffset}`;
};

beforeAll(async () => {
  const settings = { ...admin, AUTH: "required", GUEST_ORDERS: "on" };
  stack = await npmStart(["--only", "user,product,order,notification,gateway"], settings);
}, 90_000);
afterAll(() => stack?.dispose(), 90_000);

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

// biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what a test is about
async function ask(path: string, { body, token }: { body?: object; token?: string } = {}): Promise<any> {
  const answer = await fetch(`${urlOf("gateway")}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json", ...(token === undefined ? {} : bearer(token)) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, ...((await answer.json()) as object) };
}

/** Every protocol at the service and at the gateway. */
function everyWay(method: typeof createOrder | typeof getOrder | typeof listOrders | typeof cancelOrder) {
  const rest = restDialect(urlOf("gateway"), method);
  return Object.entries({
    ...Object.fromEntries(Object.entries(rpcDialects(urlOf("order"))).map(([name, way]) => [`order ${name}`, way])),
    ...rpcDialects(urlOf("gateway")),
    ...(rest === undefined ? {} : { rest }),
  });
}

/** The outcome of a call. A busy machine's timeouts say nothing about access. */
async function outcomeOf(call: Dialect, attempt: Attempt): Promise<Outcome> {
  for (let tries = 1; ; tries++) {
    const outcome = await call(attempt);
    if (tries === triesMax || !/^(DeadlineExceeded|Unavailable)/.test(outcome)) {
      return outcome;
    }
  }
}

const triesMax = 5;

async function place(body: object): Promise<string> {
  const request = { ...body, requestId: crypto.randomUUID() };
  for (let tries = 1; ; tries++) {
    const { status, order } = await ask("/orders", { body: request });
    if (status < 500 || tries === triesMax) {
      expect(status).toBe(201);
      return order.id;
    }
  }
}

const line = { productId: "102", quantity: 1 };

test("a guest orders without a token, over every protocol, and for no account", async () => {
  const aliceId = await signUp(urlOf("gateway"), "alice@example.com");
  const { accessToken } = await signIn(urlOf("gateway"), "alice@example.com");
  for (const [name, call] of everyWay(createOrder)) {
    const as = (request: Attempt["request"], headers = {}) =>
      outcomeOf(call, { method: createOrder, request, headers });
    expect([name, await as(line)]).toEqual([name, "in"]);
    expect([name, await as({ ...line, userId: aliceId })]).toEqual([name, "TOKEN_MISSING"]);
    expect([name, await as({ ...line, userId: aliceId }, bearer(accessToken))]).toEqual([name, "in"]);
    // A caller with a token orders for its own account, and a caller with an invalid token is no guest.
    expect([name, await as(line, bearer(accessToken))]).toEqual([name, "PERMISSION_DENIED"]);
    expect([name, await as(line, bearer("made-up"))]).toEqual([name, "TOKEN_REFUSED"]);
  }
}, 60_000);

test("only an admin can read a guest's order", async () => {
  const orderId = await place({ ...line, guestEmail: "guest@example.com" });
  await signUp(urlOf("gateway"), "bob@example.com");
  const { accessToken: bob } = await signIn(urlOf("gateway"), "bob@example.com");
  const { accessToken: root } = await signIn(urlOf("gateway"), admin.ADMIN_EMAIL, admin.ADMIN_PASSWORD);
  for (const method of [getOrder, cancelOrder, listOrders] as const) {
    const request = method === listOrders ? {} : { orderId };
    for (const [name, call] of everyWay(method)) {
      const as = (headers = {}) => outcomeOf(call, { method, request, headers });
      expect([method.name, name, await as()]).toEqual([method.name, name, "TOKEN_MISSING"]);
      expect([method.name, name, await as(bearer(bob))]).toEqual([method.name, name, "PERMISSION_DENIED"]);
      expect([method.name, name, await as(bearer(root))]).toEqual([method.name, name, "in"]);
    }
  }
  const watch = rpcDialects(urlOf("order")).connect;
  expect(await watch?.({ method: watchOrders, request: {}, headers: {} })).toBe("TOKEN_MISSING");
}, 60_000);

test("a guest is notified at the e-mail address of the order, and not at all without one", async () => {
  const { accessToken: token } = await signIn(urlOf("gateway"), admin.ADMIN_EMAIL, admin.ADMIN_PASSWORD);
  const silent = await place(line);
  const orderId = await place({ ...line, guestEmail: "last@example.com" });
  const recipients = async () => {
    const { notifications } = await ask("/notifications?page_size=100", { token });
    return new Map(notifications.map((each: { orderId: string; recipient: string }) => [each.orderId, each.recipient]));
  };
  // Events arrive in order: the later order's notification stands for the earlier one's, too.
  await expect.poll(recipients, { timeout: 15_000 }).toSatisfy((all: Map<string, string>) => all.has(orderId));
  expect((await recipients()).get(orderId)).toBe("last@example.com");
  expect([...(await recipients()).keys()]).not.toContain(silent);
}, 30_000);

test("deploy/smoke.sh passes where callers must sign in, with an admin and without", async () => {
  for (const variables of [{}, admin]) {
    const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const { code, output, errorOutput } = await run("env", [...settings, "sh", "deploy/smoke.sh", urlOf("gateway")]);
    expect([code, errorOutput]).toEqual([0, ""]);
    expect(output).toContain("✓ a guest's order is confirmed");
    expect(output.includes("left out: creating a product")).toBe(variables !== admin);
  }
}, 60_000);
