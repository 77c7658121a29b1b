// Each alert of deploy/prometheus fires for the fault that it is about, in a real Prometheus that scrapes a real stack. Windows and delays are
// shortened; test/telemetry/order-telemetry.test.ts has those of hanging processes, waiting orders, events and mails.
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { SMTPServer } from "smtp-server";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually } from "../processes/eventually.ts";
import type { Program } from "../processes/program.ts";
import { type PrometheusServer, startPrometheus } from "../telemetry/prometheus-server.ts";
import { type ShopStack, startShopStack } from "../telemetry/shop-stack.ts";

let stack: ShopStack;
let prometheus: PrometheusServer;
let orders: Client<typeof OrderService>;

beforeAll(async () => {
  stack = await startShopStack({});
  orders = createClient(OrderService, createGrpcTransport({ baseUrl: stack.order.url }));
  const { gateway, order, product, user, notification } = stack;
  prometheus = await startPrometheus([gateway, order, product, user, notification], { ratioWindow: "10s" });
  await untilServed();
  const inventory = createClient(InventoryService, createGrpcTransport({ baseUrl: stack.product.url }));
  await inventory.updateStock({ productId: "103", change: { case: "delta", value: 1_000_000 } });
}, 180_000);

afterAll(async () => {
  await prometheus?.dispose();
  await stack?.dispose();
});

/** Sampled, so that a process with a collector exports its spans. */
const headers = { traceparent: `00-${"a".repeat(32)}-00f067aa0ba902b7-01` };
const place = (userId = "1") => orders.createOrder({ userId, items: [{ productId: "103", quantity: 1 }] }, { headers });

/** Whether an order is confirmed. */
const isServed = () =>
  place().then(
    () => true,
    () => false,
  );
const untilServed = () => eventually(isServed, Boolean, 60_000);

/** The alerts that have fired. */
const fired = new Set<string>();

/** Repeats `cause` until the alerts fire. */
async function fires(alerts: readonly string[], cause: () => unknown = () => {}): Promise<void> {
  const quiet = await prometheus.firing();
  expect(alerts.filter((alert) => quiet.has(alert))).toEqual([]);
  const ended = new AbortController();
  const causing = (async () => {
    while (!ended.signal.aborted) {
      await cause();
      await wait(20);
    }
  })();
  const waiting = new Set(alerts);
  const missing = async () => {
    for (const alert of await prometheus.firing()) {
      waiting.delete(alert);
      fired.add(alert.split(" ")[0] ?? "");
    }
    return [...waiting];
  };
  const left = await eventually(missing, (list) => list.length === 0, 90_000);
  ended.abort();
  await causing;
  expect(left).toEqual([]);
}

/** Stops a process for a moment, like a machine without CPU time for it. */
async function stall(program: Program, stalledMs: number, runningMs: number): Promise<void> {
  program.signal("SIGSTOP");
  await wait(stalledMs);
  program.signal("SIGCONT");
  await wait(runningMs);
}

it("ParleyErrorBudgetBurnsFast and Slowly: orders fail while product is killed", async () => {
  await stack.product.kill();
  await fires(["ParleyErrorBudgetBurnsFast order", "ParleyErrorBudgetBurnsSlowly order"], isServed);
  await stack.product.start();
  expect(await untilServed()).toBe(true);
});

it("ParleyLatencyBudgetBurnsFast and ParleyEventLoopDelay: product gets no CPU time repeatedly", async () => {
  const placing = new AbortController();
  const traffic = (async () => {
    while (!placing.signal.aborted) {
      await isServed();
      await wait(50);
    }
  })();
  await fires(["ParleyLatencyBudgetBurnsFast order", "ParleyEventLoopDelay product"], () =>
    stall(stack.product, 800, 150),
  );
  placing.abort();
  await traffic;
  expect(await untilServed()).toBe(true);
});

it("ParleySheddingLoad: order gets more calls than it accepts", async () => {
  await stack.order.kill();
  await stack.order.start({ CALLS_MAX: "2", CALLS_SHARE_PERCENT: "100" });
  await fires(["ParleySheddingLoad order"], () => Promise.all(Array.from({ length: 20 }, isServed)));
  await stack.order.kill();
  await stack.order.start();
  expect(await untilServed()).toBe(true);
});

it("ParleyTelemetryDropped: the collector of user is unreachable", async () => {
  await stack.user.kill();
  await stack.user.start({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_BSP_MAX_QUEUE_SIZE: "1" });
  await fires(["ParleyTelemetryDropped user"], isServed);
});

it("ParleyRestarts: user is killed repeatedly", async () => {
  await fires(["ParleyRestarts user"], async () => {
    await stack.user.kill();
    await stack.user.start();
    // So that each start is scraped.
    await wait(1_500);
  });
  expect(await untilServed()).toBe(true);
});

it("ParleyDeadLetters: notification fails to process an event", async () => {
  await stack.notification.kill();
  const database = new DatabaseSync(stack.databasePath("notification"));
  database.exec(
    `CREATE TRIGGER planted BEFORE INSERT ON notification WHEN NEW.user_id = '3'
       BEGIN SELECT RAISE(ABORT, 'planted: user 3 cannot be notified'); END`,
  );
  database.close();
  await stack.notification.start();
  await place("3");
  await fires(["ParleyDeadLetters notification"]);
});

it("ParleyMailFailed: the mail server refuses the recipient for good", async () => {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    onRcptTo: (_address, _session, callback) => callback(Object.assign(new Error("not here"), { responseCode: 550 })),
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as AddressInfo;
  await stack.notification.kill();
  await stack.notification.start({ SMTP_URL: `smtp://127.0.0.1:${port}` });
  await place("2");
  await fires(["ParleyMailFailed notification"]);
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

it("every alert fires in one of the live tests", () => {
  const read = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");
  const all = [...read("../../deploy/prometheus/rules/alerts.yml").matchAll(/- alert: (\w+)/g)].map(
    ([, name]) => name ?? "",
  );
  const others = read("../telemetry/order-telemetry.test.ts");
  expect(all.filter((alert) => !fired.has(alert) && !others.includes(`"${alert} `))).toEqual([]);
});
