// `npm run bench:console`: measures the console's size, its build time, the time to a first order, and its behaviour with 2,000
// calls a second in its log for a minute. Needs Chromium.
import { execFileSync } from "node:child_process";
import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { buildProgram } from "@parley/console";
import { createGatewayModule } from "@parley/gateway";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import {
  type Call,
  CallSchema,
  MethodKind,
  SpanKind,
  TelemetryService,
  WatchCallsResponseSchema,
} from "@parley/gen/rpc/v1/telemetry_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { implementPartly, serve } from "@parley/rpc/server";
import { connectInMemory } from "@parley/rpc/testing";
import type { Browser, Page } from "playwright-core";
import { chromiumPath, launchChromium, openPage } from "../console/chromium.ts";
import { npmStart } from "../e2e/running-stack.ts";

const callsPerSecond = Number(process.env.CALLS_PER_SECOND ?? 2_000);
const seconds = Number(process.env.SECONDS_OF_LOAD ?? 60);
const tickMs = 50;

if (chromiumPath() === undefined) {
  console.log("Left out, since the machine has no Chromium.");
} else {
  weigh();
  const browser = await launchChromium();
  try {
    await firstOrder(browser);
    await manyCalls(browser);
  } finally {
    await browser.close();
  }
}

function weigh(): void {
  console.log(execFileSync(process.execPath, [buildProgram, "--force"], { encoding: "utf8" }).trim());
}

/** From an empty browser profile to a confirmed order, placed through the UI. */
async function firstOrder(browser: Browser): Promise<void> {
  const stack = await npmStart(["--log-level", "warn"]);
  try {
    for (const round of ["first", "second"]) {
      const beganAt = performance.now();
      const { page } = await openPage(browser, `http://localhost:${8080 + stack.portOffset}/`);
      await page.getByRole("button", { name: "Add Mouse" }).waitFor();
      const usableMs = performance.now() - beganAt;
      await page.getByRole("button", { name: "Add Mouse" }).click();
      await page.getByRole("button", { name: "Place order" }).click();
      await page.getByLabel("Your order").locator("header").getByText("Confirmed").waitFor();
      const orderedMs = performance.now() - beganAt;
      console.log(
        `${round} visit, empty cache: usable after ${usableMs.toFixed(0)} ms, order on screen after ${orderedMs.toFixed(0)} ms`,
      );
      await page.context().close();
    }
  } finally {
    await stack.dispose();
  }
}

/** A gateway with one fake process that streams generated calls, and a page that shows them. */
async function manyCalls(browser: Browser): Promise<void> {
  const environment = systemEnvironment({ name: "bench", logLevel: "silent" });
  const order = { entries: [implementPartly(OrderService, {}), implementPartly(TelemetryService, { watchCalls })] };
  const module = createGatewayModule({
    environment,
    backends: { order: connectInMemory(order, environment) },
    signIn: false,
  });
  const server = await serve(module, { name: "gateway", environment });
  try {
    const { page, problems } = await openPage(browser, `${server.url.replace("127.0.0.1", "localhost")}/#/calls`);
    await page.locator(".windowed-row").first().waitFor();
    const answers: number[] = [];
    for (let second = 0; second < seconds; second++) {
      answers.push(await answerMs(page));
      await page.waitForTimeout(1_000);
      if (second % 20 === 0 || second === seconds - 1) {
        console.log(
          `after ${second} s: ${await heapMiB(page)} MiB of JavaScript heap, ${await rowsInDocument(page)} rows in the document`,
        );
      }
    }
    answers.sort((one, other) => one - other);
    const at = (share: number) => answers[Math.min(answers.length - 1, Math.floor(answers.length * share))]?.toFixed(0);
    const shown = await page.locator(".calls-notes").textContent();
    console.log(
      `${callsPerSecond} calls/s for ${seconds} s: a click is answered within ${at(0.5)} ms (median), ${at(0.99)} ms (p99); ${shown}`,
    );
    console.log(problems.length === 0 ? "No errors in the page." : problems.slice(0, 5).join("\n"));
    await page.context().close();
  } finally {
    await server.close().catch(() => {});
  }
}

/** The time from a click until the page has painted its effect. */
async function answerMs(page: Page): Promise<number> {
  return Number(
    await page.evaluate(`new Promise((resolve) => {
      const button = [...document.querySelectorAll("button[aria-pressed]")].find((one) => /Pause|Go on/.test(one.textContent));
      const beganAt = performance.now();
      // As input does: the click waits its turn behind what the page is doing.
      setTimeout(() => {
        button.click();
        requestAnimationFrame(() => requestAnimationFrame(() => { resolve(performance.now() - beganAt); setTimeout(() => button.click(), 0); }));
      }, 0);
    })`),
  );
}

async function heapMiB(page: Page): Promise<string> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return (usedSize / 1_048_576).toFixed(0);
}

async function rowsInDocument(page: Page): Promise<number> {
  return page.locator(".windowed-row").count();
}

async function* watchCalls(_request: unknown, { signal }: { readonly signal: AbortSignal }) {
  let last = 0;
  yield create(WatchCallsResponseSchema, {});
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, tickMs));
    let due = (callsPerSecond * tickMs) / 1_000;
    while (due > 0) {
      const calls = Array.from({ length: Math.min(due, 256) }, () => madeUpCall(++last));
      due -= calls.length;
      yield create(WatchCallsResponseSchema, { calls });
    }
  }
}

function madeUpCall(number: number): Call {
  const hex = number.toString(16);
  return create(CallSchema, {
    startTime: timestampNow(),
    latency: { nanos: (number % 97) * 100_000 },
    kind: SpanKind.SERVER,
    from: number % 3 === 0 ? "gateway" : "order",
    to: number % 3 === 0 ? "order" : "product",
    service: "product.v1.InventoryService",
    method: number % 3 === 0 ? "CreateOrder" : "ReserveStock",
    protocol: "grpc",
    methodKind: MethodKind.UNARY,
    code: number % 50 === 0 ? 14 : 0,
    message: number % 50 === 0 ? "made up" : "",
    requestId: `request-${hex}`,
    traceId: hex.padStart(32, "0"),
    spanId: hex.padStart(16, "0"),
    parentSpanId: hex.padStart(16, "1"),
    process: "product",
    replica: "one",
  });
}
