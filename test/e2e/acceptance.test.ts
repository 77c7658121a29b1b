// The commands that a user runs after `npm start`, with standard clients: curl, buf, grpcurl.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { curl, explanationOf, has, run } from "./command-line.ts";
import { npmStart, type RunningStack } from "./running-stack.ts";

const twoLaptopsAndAMouse = {
  userId: "1",
  items: [
    { productId: "101", quantity: 2 },
    { productId: "102", quantity: 1 },
  ],
};
const confirmed = {
  state: "ORDER_STATE_CONFIRMED",
  userId: "1",
  userName: "Alice Johnson",
  totalPrice: { currencyCode: "USD", units: "2029", nanos: 970_000_000 },
};
const grpcurlThere = await has("grpcurl");
if (!grpcurlThere) {
  console.warn("Left out: the checks with grpcurl, since it is not installed. Go installs it.");
}

let stack: RunningStack;
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-acceptance-"));
  stack = await npmStart();
}, 90_000);
afterAll(async () => {
  await stack?.dispose();
  await rm(folder, { recursive: true, force: true });
}, 90_000);

const address = (port: number) => `localhost:${port + stack.portOffset}`;
const orders = (method: string) => `http://${address(50053)}/order.v1.OrderService/${method}`;
const products = (method: string) => `http://${address(50052)}/product.v1.ProductService/${method}`;

async function stockOf(id: string): Promise<number> {
  return (await curl(products("GetProduct"), { productId: id })).body.product.stock;
}

/** The ids of all stored orders. */
async function storedOrders(): Promise<readonly string[]> {
  const ids: string[] = [];
  let pageToken = "";
  do {
    const { body } = await curl(orders("ListOrders"), { pageSize: 100, pageToken });
    ids.push(...(body.orders ?? []).map((order: { id: string }) => order.id));
    pageToken = body.nextPageToken ?? "";
  } while (pageToken !== "");
  return ids;
}

describe("after npm start", () => {
  it("the output names every address and the first commands", () => {
    for (const port of [50051, 50052, 50053]) {
      expect(stack.output()).toContain(`http://127.0.0.1:${port + stack.portOffset}`);
    }
    expect(stack.output()).toContain(`curl -s ${address(50053)}/order.v1.OrderService/CreateOrder`);
  });

  it("curl places an order, and the stock is two laptops less", async () => {
    const { status, body } = await curl(orders("CreateOrder"), twoLaptopsAndAMouse);
    expect(status).toBe(200);
    expect(body.order).toMatchObject(confirmed);
    expect(body.order.items).toMatchObject([
      { productId: "101", productName: "Laptop", quantity: 2 },
      { productId: "102", productName: "Mouse", quantity: 1 },
    ]);
    expect(await stockOf("101")).toBe(48);
    expect((await curl(orders("GetOrder"), { orderId: body.order.id })).body.order).toEqual(body.order);
  });

  it.each(["grpc", "grpcweb", "connect"])(
    "buf places the same order over %s, with the schema from reflection",
    async (protocol) => {
      const before = await stockOf("102");
      const flags = ["--protocol", protocol, "--http2-prior-knowledge"];
      const body = JSON.stringify({ userId: "1", items: [{ productId: "102", quantity: 1 }] });
      const { code, output, errorOutput } = await run("buf", ["curl", ...flags, "-d", body, orders("CreateOrder")]);
      expect(errorOutput).toBe("");
      expect(code).toBe(0);
      expect(JSON.parse(output).order).toMatchObject({ state: confirmed.state, userName: confirmed.userName });
      expect(await stockOf("102")).toBe(before - 1);
    },
  );

  it("curl works over HTTP/1.1 while gRPC calls are in flight on the same port", async () => {
    const grpc = ["curl", "--protocol", "grpc", "--http2-prior-knowledge", "-d", "{}", orders("ListOrders")];
    const outcomes = await Promise.all([
      run("buf", grpc),
      run("curl", [
        "-s",
        "--http1.1",
        "-o",
        "/dev/null",
        "-w",
        "%{http_version} %{http_code}",
        `${address(50053)}/health`,
      ]),
      run("curl", [
        "-s",
        "--http2-prior-knowledge",
        "-o",
        "/dev/null",
        "-w",
        "%{http_version} %{http_code}",
        `${address(50053)}/health`,
      ]),
      run("buf", grpc),
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(outcomes[1]?.output).toBe("1.1 200");
    expect(outcomes[2]?.output).toBe("2 200");
  });

  it.skipIf(!grpcurlThere)("grpcurl lists every service, asks for health and places an order", async () => {
    const list = await run("grpcurl", ["-plaintext", address(50053), "list"]);
    expect(list.output.trim().split("\n")).toEqual(
      expect.arrayContaining(["order.v1.OrderService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"]),
    );
    const health = await run("grpcurl", ["-plaintext", address(50053), "grpc.health.v1.Health/Check"]);
    expect(JSON.parse(health.output)).toEqual({ status: "SERVING" });
    const body = JSON.stringify({ userId: "2", items: [{ productId: "103", quantity: 1 }] });
    const order = await run("grpcurl", ["-plaintext", "-d", body, address(50053), "order.v1.OrderService/CreateOrder"]);
    expect(JSON.parse(order.output).order).toMatchObject({ state: confirmed.state, userName: "Bob Smith" });
  });

  it.skipIf(!grpcurlThere)("grpcurl shows the code and the details of a refusal", async () => {
    const body = JSON.stringify({ userId: "1", items: [{ productId: "999", quantity: 1 }] });
    const { code, errorOutput } = await run("grpcurl", [
      ...["-plaintext", "-d", body, address(50053), "order.v1.OrderService/CreateOrder"],
    ]);
    expect(code).not.toBe(0);
    expect(errorOutput).toContain("Code: NotFound");
    expect(errorOutput).toContain("Message: There is no product 999.");
    expect(errorOutput).toContain("google.rpc.ErrorInfo");
  });

  it("health and metrics answer plain curl on every port", async () => {
    for (const port of [50051, 50052, 50053]) {
      const health = await run("curl", ["-s", `${address(port)}/health`]);
      expect(health.output).toContain("SERVING");
      const metrics = await run("curl", ["-s", `${address(port)}/metrics`]);
      expect(metrics.output).toContain("# TYPE");
    }
  });
});

it("deploy/smoke.sh passes", async () => {
  const { code, output, errorOutput } = await run("sh", ["deploy/smoke.sh", `http://${address(8080)}`]);
  expect([code, errorOutput]).toEqual([0, ""]);
  expect(output).toMatch(/✓ a guest's order is confirmed.*All steps passed/s);
  expect(output).not.toContain("left out");
}, 60_000);

describe("bad input", () => {
  const one = { productId: "101", quantity: 1 };
  const fiveMiB = 5 * 1024 * 1024;

  it.each([
    ["an unknown user", { userId: "999", items: [one] }, "not_found", /999/, { reason: "USER_NOT_FOUND" }],
    [
      "an unknown product",
      { userId: "1", items: [one, { productId: "999", quantity: 1 }] },
      "not_found",
      /999/,
      { reason: "PRODUCT_NOT_FOUND" },
    ],
    [
      "a guest's e-mail address that is invalid",
      { items: [one], guestEmail: "me" },
      "invalid_argument",
      /e-mail/,
      { fields: ["guestEmail"] },
    ],
    [
      "quantity 0",
      { userId: "1", items: [{ productId: "101", quantity: 0 }] },
      "invalid_argument",
      /quantity.*1/,
      { fields: ["items[0].quantity"] },
    ],
    [
      "quantity -1 on the second line",
      { userId: "1", items: [one, { productId: "102", quantity: -1 }] },
      "invalid_argument",
      /items\[1\]\.quantity/,
      { fields: ["items[1].quantity"] },
    ],
    ["no items", { userId: "1", items: [] }, "invalid_argument", /`items` is required/, { fields: ["items"] }],
    [
      "101 items",
      { userId: "1", items: Array.from({ length: 101 }, () => one) },
      "invalid_argument",
      /items.*100/,
      { fields: ["items"] },
    ],
    ["malformed JSON", '{"userId":"1","items":[', "invalid_argument", /JSON/, {}],
    [
      "a string where a number belongs",
      { userId: "1", items: [{ productId: "101", quantity: "two" }] },
      "invalid_argument",
      /`items\[0\]\.quantity` must be a whole number/,
      { fields: ["items[0].quantity"] },
    ],
    [
      "a request id that is no UUID",
      { userId: "1", items: [one], requestId: "x" },
      "invalid_argument",
      /`requestId` must be a UUID/,
      { fields: ["requestId"] },
    ],
    [
      "60 laptops when fewer are left",
      {
        userId: "1",
        items: [
          { productId: "104", quantity: 1 },
          { productId: "101", quantity: 60 },
        ],
      },
      "failed_precondition",
      /Laptop|101/,
      { reason: "INSUFFICIENT_STOCK" },
    ],
  ])("%s is refused with the right code, and reserves no stock", async (_what, request, code, message, explained) => {
    const [stockBefore, ordersBefore] = [await stockOf("101"), await storedOrders()];
    const { body, status } = await curl(orders("CreateOrder"), request);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(body.code).toBe(code);
    expect(body.message).toMatch(message);
    expect(JSON.stringify(body)).not.toMatch(/\.ts:|sqlite|SELECT|INSERT/);
    const { reason, fields, metadata } = explanationOf(body);
    expect(reason).toBeTruthy();
    expect({ reason, fields }).toMatchObject(explained);
    expect(await stockOf("101")).toBe(stockBefore);
    if (code === "failed_precondition") {
      expect(metadata).toMatchObject({ productId: "101", requested: "60", available: String(stockBefore) });
    } else {
      expect(await storedOrders()).toEqual(ordersBefore);
    }
  });

  it("a refused second line leaves the first line's stock unchanged", async () => {
    const before = await stockOf("105");
    const items = [
      { productId: "105", quantity: 1 },
      { productId: "101", quantity: 60 },
    ];
    expect((await curl(orders("CreateOrder"), { userId: "1", items })).body.code).toBe("failed_precondition");
    expect(await stockOf("105")).toBe(before);
  });

  it("an error links to its section of the gateway's guide", async () => {
    const { body } = await curl(products("GetProduct"), { productId: "9999" });
    const help = body.details.find(({ type }: { type: string }) => type === "google.rpc.Help");
    const url = new URL(help.debug.links[0].url);
    expect(url.hash).toBe("#product_not_found");
    expect(url.port).toBe(String(8080 + stack.portOffset));
    const page = await (await fetch(url, { headers: { accept: "text/html" } })).text();
    expect(page).toContain(`id="${url.hash.slice(1)}"`);
  });

  it("a negative price is refused, and no product is created", async () => {
    const names = async () =>
      (await curl(products("ListProducts"), {})).body.products.map((product: { name: string }) => product.name);
    const before = await names();
    const price = { currencyCode: "USD", units: "-1" };
    const { body } = await curl(products("CreateProduct"), { name: "Gift", price, stock: 1 });
    expect(body.code).toBe("invalid_argument");
    expect(body.message).toMatch(/`price` must have `units` from 0/);
    expect(explanationOf(body).fields).toContain("price");
    expect(await names()).toEqual(before);
  });

  it("a body of 5 MiB is refused with the size limit in the error, and the server stays up", async () => {
    const file = join(folder, "large.json");
    await writeFile(file, JSON.stringify({ ...twoLaptopsAndAMouse, note: "x".repeat(fiveMiB) }));
    const before = await storedOrders();
    const { body } = await curl(orders("CreateOrder"), `@${file}`);
    expect(body.code).toBe("resource_exhausted");
    expect(body.message).toMatch(/4194304|4 MiB|4,194,304/);
    expect(await storedOrders()).toEqual(before);
  });

  it.each([
    ["an unknown method", "order.v1.OrderService/BuyEverything", 404],
    ["an unknown service", "order.v9.OrderService/CreateOrder", 404],
  ])("%s answers 404", async (_what, path, status) => {
    const outcome = await run("curl", [
      ...["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "content-type: application/json", "-d", "{}"],
      `http://${address(50053)}/${path}`,
    ]);
    expect(outcome.output).toBe(String(status));
  });
});

describe("Ctrl-C", () => {
  it("drains every service, exits with code 0 and frees the ports", async () => {
    expect(await stack.stop()).toBe(0);
    expect(stack.output()).toContain("All services have ended.");
    for (const port of [50051, 50052, 50053]) {
      expect((await run("curl", ["-s", `${address(port)}/health`])).code).toBe(7);
    }
  });
});
