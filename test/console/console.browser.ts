import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { npmStart, type RunningStack } from "../e2e/running-stack.ts";
import { eventually } from "../processes/eventually.ts";
import { accessibilityProblems, launchChromium, openPage, type WatchedPage } from "./chromium.ts";
import { takePicture } from "./screenshots.ts";

let stack: RunningStack;
let browser: Browser;
let gateway: string;

beforeAll(async () => {
  [stack, browser] = await Promise.all([npmStart(["--log-level", "warn"]), launchChromium()]);
  gateway = `http://localhost:${8080 + stack.portOffset}/`;
  await eventually(
    async () => (await fetch(gateway, { headers: { accept: "text/html" } })).status,
    (status) => status === 200,
    60_000,
  );
});

afterAll(async () => {
  await browser?.close();
  await stack?.dispose();
});

const open = (view: string, options: Parameters<typeof openPage>[2] = {}) =>
  openPage(browser, `${gateway}#/${view}`, options);

async function done({ page, problems }: WatchedPage): Promise<void> {
  expect(problems).toEqual([]);
  await page.context().close();
}

async function isLive(page: Page): Promise<void> {
  await page.locator('[data-connection="open"]').waitFor({ state: "attached" });
}

/** Orders one unit of a product, and returns the order's id. */
async function placeOrder(page: Page, product = "Mouse"): Promise<void> {
  await page.getByRole("button", { name: `Add ${product}`, exact: true }).click();
  await page.getByRole("button", { name: "Place order", exact: true }).click();
  await page.getByLabel("Your order").locator("header").getByText("Confirmed").waitFor();
}

/** Reads all at once, because a list may change between two reads. */
function attributes(elements: Locator, name: string): Promise<readonly (string | null)[]> {
  return elements.evaluateAll((found, name) => found.map((one) => one.getAttribute(name)), name);
}

function stockOf(page: Page, product: string): Promise<number> {
  const card = page.locator("li.product", { hasText: product });
  return card.locator("[data-stock]").getAttribute("data-stock").then(Number);
}

describe("the shop", () => {
  it("places an order, and a repeated request places no second one", async () => {
    const shop = await open("shop");
    const { page } = shop;
    await isLive(page);
    const before = await stockOf(page, "Mouse");
    await placeOrder(page);
    await page.getByRole("button", { name: "Send the same request again", exact: true }).click();
    const repeats = page.locator("[data-repeats='2']");
    await repeats.waitFor();
    expect(await repeats.getAttribute("data-orders")).toBe("1");
    expect(
      await eventually(
        () => stockOf(page, "Mouse"),
        (stock) => stock === before - 1,
      ),
    ).toBe(before - 1);
    await done(shop);
  });

  it("shows purchases of one tab in another, and returns the stock of a cancelled order", async () => {
    const [one, other] = [await open("shop"), await open("shop")];
    await Promise.all([isLive(one.page), isLive(other.page)]);
    const before = await stockOf(other.page, "Monitor");
    await placeOrder(one.page, "Monitor");
    expect(
      await eventually(
        () => stockOf(other.page, "Monitor"),
        (stock) => stock === before - 1,
      ),
    ).toBe(before - 1);
    await one.page.getByRole("button", { name: /^Cancel order/ }).click();
    expect(
      await eventually(
        () => stockOf(other.page, "Monitor"),
        (stock) => stock === before,
      ),
    ).toBe(before);
    await one.page.getByText("Cancelled, stock released").waitFor();
    await done(one);
    await done(other);
  });

  it("shows the reason of a refused order", async () => {
    const shop = await open("shop", { allowed: /400 \(Bad Request\)/ });
    await shop.page.getByRole("button", { name: "Add Laptop", exact: true }).click();
    const quantity = shop.page.getByLabel("Quantity of Laptop").first();
    await quantity.fill("9999");
    await quantity.press("Tab");
    await shop.page.getByRole("button", { name: "Place order", exact: true }).click();
    await shop.page.getByText("FAILED_PRECONDITION").waitFor();
    await shop.page.getByText("INSUFFICIENT_STOCK").waitFor();
    await done(shop);
  });

  it("lists orders by state, and pages back", async () => {
    const orders = await open("orders");
    await orders.page.locator("tr[data-order]").first().waitFor();
    await orders.page.getByLabel("State").selectOption("cancelled");
    await orders.page.waitForURL(/state=cancelled/);
    await eventually(
      () => orders.page.locator("tr[data-order] .badge").allTextContents(),
      (states) => states.length > 0 && states.every((state) => state === "Cancelled"),
    ).then((states) => expect(new Set(states)).toEqual(new Set(["Cancelled"])));
    await done(orders);
  });

  it("links each order to the sequence of its calls, wherever it is shown", async () => {
    const shop = await open("shop");
    const { page } = shop;
    await isLive(page);
    await placeOrder(page);
    const toSequence = async (view: string) => {
      const link = page.getByRole("link", { name: /^Calls of order/ }).first();
      await link.click();
      await page.waitForURL(/#\/trace\/[0-9a-f]{32}$/);
      await page.locator(".step", { hasText: "ReserveStock" }).first().waitFor();
      await page.goBack();
      await page.waitForURL(new RegExp(`#/${view}`));
    };
    await page.goto(`${gateway}#/orders?state=confirmed`);
    await toSequence("orders");
    await fetch(`${gateway}order.v1.OrderService/CreateOrder`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ userId: "1", items: [{ productId: "101", quantity: 9_999 }] }),
    });
    await page.goto(`${gateway}#/orders?state=rejected`);
    await toSequence("orders");
    await page.goto(`${gateway}#/notifications`);
    await page.locator("[data-notification] summary", { hasText: "confirmed" }).first().click();
    await toSequence("notifications");
    await page.goto(`${gateway}#/trace/order/no-such-order`);
    await page.getByText("No call of this order is stored").waitFor();
    await done(shop);
  });

  it("creates a user, who can then buy", async () => {
    const users = await open("users");
    await users.page.getByRole("button", { name: "Create user", exact: true }).click();
    const dialog = users.page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Zoe Quick");
    await dialog.getByLabel("E-mail address").fill(`zoe-${Date.now()}@example.com`);
    await dialog.getByLabel("Password").fill("a-long-password");
    await dialog.getByRole("button", { name: "Create user", exact: true }).click();
    await users.page.getByRole("link", { name: "Buy as Zoe Quick" }).click();
    await eventually(
      () => users.page.getByLabel("Buyer").locator("option:checked").textContent(),
      (name) => name === "Zoe Quick",
    ).then((name) => expect(name).toBe("Zoe Quick"));
    await done(users);
  });
});

describe("stock and notifications", () => {
  it("creates, edits and restocks a product", async () => {
    const stock = await open("stock");
    const { page } = stock;
    await page.getByRole("button", { name: "Create product", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Lamp");
    await dialog.getByLabel("Price").fill("12.50");
    await dialog.getByRole("button", { name: "Create product", exact: true }).click();
    const row = page.locator("tr", { hasText: "Lamp" });
    await row.getByText("$12.50").waitFor();
    await row.getByRole("button", { name: "Restock Lamp", exact: true }).click();
    await dialog.getByLabel("Units").fill("5");
    await dialog.getByRole("button", { name: "Restock", exact: true }).click();
    await row.getByText("15 in stock").waitFor();
    await row.getByRole("button", { name: "Edit Lamp", exact: true }).click();
    await dialog.getByLabel("Price").fill("13");
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await row.getByText("$13.00").waitFor();
    await done(stock);
  });

  it("alerts the shop when a purchase lowers the stock to its threshold", async () => {
    const stock = await open("stock");
    await isLive(stock.page);
    await stock.page.getByRole("button", { name: "Buy down Headphones to the threshold", exact: true }).click();
    await stock.page.locator("[data-alert='105']").first().waitFor();
    await done(stock);
  });

  it("shows a notification as soon as it is stored, and sends a test notification", async () => {
    const view = await open("notifications");
    await isLive(view.page);
    await view.page.getByRole("button", { name: "Send", exact: true }).click();
    await view.page.locator("[data-notification]", { hasText: "test@example.com" }).first().waitFor();
    await view.page.getByRole("button", { name: "Failed", exact: true }).click();
    await view.page.getByText("No failed notifications").waitFor();
    await view.page.getByRole("button", { name: "Dead letters", exact: true }).click();
    await view.page.getByText("No dead letters").waitFor();
    await done(view);
  });
});

describe("calls", () => {
  it("appear in the log when they end, are filtered by the URL, and are drawn as a sequence diagram", async () => {
    const calls = await open("calls");
    const { page } = calls;
    await isLive(page);
    const shop = await open("shop");
    await isLive(shop.page);
    await placeOrder(shop.page);
    const rows = page.locator(".windowed-row");
    await rows.filter({ hasText: "ReserveStock" }).first().waitFor();
    await page.getByLabel("To", { exact: true }).selectOption("product");
    await page.waitForURL(/to=product/);
    const ways = await eventually(
      () => page.locator(".windowed-row .call-way").allTextContents(),
      (found) => found.length > 0 && found.every((way) => way.endsWith("product")),
    );
    expect(ways.every((way) => way.endsWith("product"))).toBe(true);
    await rows.filter({ hasText: "ReserveStock" }).first().click();
    const details = page.getByLabel("Details of the call");
    await details.getByText("order → product").waitFor();
    await details.getByText('"quantity": 1').first().waitFor();
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await details.getByRole("link", { name: "Show as a sequence" }).click();
    await page.locator(".step", { hasText: "CreateOrder" }).first().waitFor();
    await page.locator(".step", { hasText: "ReserveStock" }).first().waitFor();
    await page.locator(".step.event").first().waitFor();
    await page.getByText("Asynchronous: no caller waits for this").waitFor();
    const participants = await page.locator(".participant-name").allTextContents();
    expect(participants.slice(0, 3)).toEqual(["browser", "gateway", "order"]);
    await done(shop);
    await done(calls);
  });

  it("form a map, whose edges link to the log", async () => {
    const map = await open("map");
    const { page } = map;
    await isLive(page);
    const shop = await open("shop");
    await isLive(shop.page);
    await placeOrder(shop.page);
    await page.locator("[data-node='order'][data-state='SERVING']").waitFor();
    const edge = page.getByRole("link", { name: /^order to product: (?!0\.0)/ });
    await edge.waitFor();
    await page.locator("[data-edge='order>product'][data-breaker='closed']").waitFor();
    await page.locator("[data-store='order']", { hasText: "sqlite" }).waitFor();
    await page.getByRole("row", { name: /order → product .* closed 1 of 1/ }).waitFor();
    await edge.press("Enter");
    await page.waitForURL(/#\/calls\?from=order&to=product/);
    await done(shop);
    await done(map);
  });
});

describe("the explorer", () => {
  it("calls a method with its form, shows the same call for other clients, and keeps the history", async () => {
    const explorer = await open("explorer/echo.v1.EchoService/Echo");
    const { page } = explorer;
    await page.getByLabel("message").fill("hello there");
    await page.getByRole("button", { name: "Call", exact: true }).click();
    await page.getByLabel("Response", { exact: true }).getByText('"message": "hello there"').waitFor();
    for (const name of ["buf curl", "grpcurl", "TypeScript", "parley", "curl"]) {
      await page.getByRole("button", { name, exact: true }).click();
      await page.getByLabel(name, { exact: true }).getByText("hello there").waitFor();
    }
    await done(explorer);
  });

  it("watches a stream, and stops it", async () => {
    const explorer = await open("explorer/product.v1.InventoryService/WatchStock");
    const { page } = explorer;
    await page.getByRole("button", { name: "Call", exact: true }).click();
    await page.getByText("open, 0 responses").waitFor();
    const shop = await open("shop");
    await placeOrder(shop.page);
    await page.getByText("open, 1 responses").waitFor();
    await page.getByRole("button", { name: "End", exact: true }).click();
    await page.getByText("OK, 1 responses").waitFor();
    await done(shop);
    await done(explorer);
  });

  it("shows the error of a request that violates the contract", async () => {
    const explorer = await open("explorer/order.v1.OrderService/GetOrder", { allowed: /404 \(Not Found\)/ });
    const { page } = explorer;
    await page.getByLabel("orderId").fill("no-such-order");
    await page.getByRole("button", { name: "Call", exact: true }).click();
    await page.getByText("ORDER_NOT_FOUND").waitFor();
    await done(explorer);
  });
});

/** The browser's console message for each call with an error response. */
const refusedCalls = /Failed to load resource/;

describe("fault injection", () => {
  it("keeps the invariants when product is killed, and shows refused and recovered calls", async () => {
    const view = await open("break", { allowed: refusedCalls });
    const { page } = view;
    await isLive(page);
    const product = page.locator("tr[data-process='product']");
    await product.getByRole("button", { name: "Kill product", exact: true }).waitFor();
    await page.getByRole("button", { name: "Start traffic", exact: true }).click();
    const numbers = page.locator(".numbers");
    const count = async (name: string) => Number(await numbers.getAttribute(`data-${name}`));
    await eventually(
      () => count("confirmed"),
      (confirmed) => confirmed >= 5,
      60_000,
    );
    await product.getByRole("button", { name: "Kill product", exact: true }).click();
    await product.getByRole("button", { name: "Start product", exact: true }).waitFor();
    expect(
      await eventually(
        () => count("refused"),
        (refused) => refused > 0,
        60_000,
      ),
    ).toBeGreaterThan(0);
    expect(await page.locator("[data-verdict='broken']").count()).toBe(0);
    await product.getByRole("button", { name: "Start product", exact: true }).click();
    await product.getByRole("button", { name: "Kill product", exact: true }).waitFor();
    expect(
      await eventually(
        () => count("recovered"),
        (recovered) => recovered > 0,
        60_000,
      ),
    ).toBeGreaterThan(0);
    await page.getByRole("button", { name: "Stop traffic", exact: true }).click();
    const verdicts = () => attributes(page.locator("[data-invariant]"), "data-verdict");
    const settled = await eventually(verdicts, (found) => found.every((verdict) => verdict === "holds"), 90_000);
    expect(settled).toEqual(["holds", "holds", "holds"]);
    expect(
      await eventually(
        () => count("open"),
        (open) => open === 0,
        60_000,
      ),
    ).toBe(0);
    expect(await count("requests")).toBe(await count("confirmed"));
    await done(view);
  });

  it("refuses to stop the gateway that serves the page, and shows why", async () => {
    const view = await open("break", { allowed: refusedCalls });
    const { page } = view;
    const row = page.locator("tr[data-process='gateway']");
    await row.waitFor();
    await page.getByText("The gateway serves this page, so the page could not start it again").waitFor();
    expect(await row.getByRole("button", { name: "Stop gateway", exact: true }).count()).toBe(0);
    for (const verb of ["Stop", "Kill", "Pause"]) {
      const answer = await page.evaluate(`(async () => {
        const { stack } = await (await fetch("console/session.json")).json();
        const response = await fetch("console/stack/stack.v1.StackService/${verb}Process", {
          method: "POST",
          headers: { "content-type": "application/json", authorization: "Bearer " + stack.token },
          body: JSON.stringify({ process: "gateway" }),
        });
        return response.json();
      })()`);
      expect(answer).toMatchObject({ code: "failed_precondition" });
      expect((answer as { readonly message: string }).message).toContain(`npx parley ${verb.toLowerCase()} gateway`);
    }
    await done(view);
  });

  it("pauses, injects faults, and shows a process's log", async () => {
    const view = await open("break", { allowed: refusedCalls });
    const { page } = view;
    const echo = page.locator("tr[data-process='echo-a']");
    await echo.getByRole("button", { name: "Pause echo-a", exact: true }).click();
    await echo.getByRole("button", { name: "Resume echo-a", exact: true }).click();
    await echo.getByRole("button", { name: "Pause echo-a", exact: true }).waitFor();
    const faults = page.getByLabel("Faults");
    await faults.getByLabel("Service").selectOption("echo-a");
    await faults.getByLabel("Percentage of calls").fill("100");
    await faults.getByLabel("Fails with").selectOption("INTERNAL");
    await faults.getByRole("button", { name: "Add fault", exact: true }).click();
    await faults.getByText(/^echo-a: 100 % of all calls fail with INTERNAL/).waitFor();
    const answer = await fetch(`${gateway}echo.v1.EchoService/Echo`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ message: "x" }),
    });
    expect(await answer.json()).toMatchObject({ code: "internal" });
    await faults.getByRole("button", { name: "Remove all", exact: true }).click();
    await faults.getByText(/^echo-a: 100/).waitFor({ state: "detached" });
    await done(view);
  });
});

describe("the tour", () => {
  it("detects each finished step: an order, its calls, a breaker that opens, recovery, and a notification that is not lost", async () => {
    const tour = await open("tour", { allowed: refusedCalls });
    const { page } = tour;
    await page.getByRole("button", { name: "Start the tour", exact: true }).click();
    const panel = page.getByLabel("Guided tour");
    await placeOrder(page);
    await panel.getByText("Done").waitFor();
    await panel.getByRole("button", { name: "Next", exact: true }).click();
    await page.getByRole("link", { name: "See its calls" }).click();
    await panel.getByText("Done").waitFor();

    const step = async (number: number) => {
      await panel.getByRole("button", { name: "Next", exact: true }).click();
      await panel.getByText(`Step ${number} of 5`).waitFor();
      await panel.getByRole("link", { name: "To the services" }).click();
    };
    const act = (verb: string, process: string) =>
      page.getByRole("button", { name: `${verb} ${process}`, exact: true }).click();
    const shop = () => page.getByRole("link", { name: "Shop", exact: true }).click();

    await step(3);
    await act("Kill", "product");
    await page.getByRole("button", { name: "Start product", exact: true }).waitFor();
    await shop();
    await page.getByRole("button", { name: "Send the same request again", exact: true }).waitFor();
    await page.getByRole("button", { name: "Add Mouse", exact: true }).click();
    await page.getByRole("button", { name: "Place order", exact: true }).click();
    await page
      .getByLabel("Your order")
      .getByText(/^(UNAVAILABLE|DEADLINE_EXCEEDED)$/)
      .first()
      .waitFor();
    await panel.getByText("Done").waitFor();
    // The order service's own breaker, as it reports it, on the map.
    const map = await open("map", { allowed: refusedCalls });
    const opened = map.page.locator("[data-edge='order>product'][data-breaker='open']");
    const again = page.getByRole("button", { name: "Send the same request again", exact: true });
    await eventually(
      async () => {
        if (await again.isEnabled()) {
          await again.click();
        }
        return opened.count();
      },
      (count) => count > 0,
      60_000,
    ).then((count) => expect(count).toBe(1));
    await takePicture(map.page, "map-breaker-open");

    await step(4);
    await act("Start", "product");
    await page.getByRole("button", { name: "Kill product", exact: true }).waitFor();
    await shop();
    const confirmed = page.getByLabel("Your order").locator("header").getByText("Confirmed");
    await eventually(
      async () => {
        if (await again.isEnabled()) {
          await again.click();
        }
        return confirmed.count();
      },
      (count) => count > 0,
      60_000,
    );
    await panel.getByText("Done").waitFor();
    await map.page.locator("[data-edge='order>product'][data-breaker='closed']").waitFor();
    await takePicture(page, "tour-step-4");
    await done(map);

    await step(5);
    await act("Stop", "notification");
    await page.getByRole("button", { name: "Start notification", exact: true }).waitFor();
    await shop();
    await placeOrder(page);
    await page.getByRole("link", { name: "Map", exact: true }).click();
    await page.locator("[data-node='notification']:not([data-state='SERVING'])").waitFor();
    await panel.getByRole("link", { name: "To the services" }).click();
    await act("Start", "notification");
    await panel.getByText("Done").waitFor();
    await panel.getByRole("button", { name: "Finish", exact: true }).click();
    await panel.waitFor({ state: "detached" });
    await done(tour);
  });
});

describe("a restart of the gateway", () => {
  it("does not interrupt the page, and nothing is shown twice", async () => {
    const view = await open("notifications", { allowed: refusedCalls });
    const { page } = view;
    await isLive(page);
    const breaking = await open("break", { allowed: refusedCalls });
    await breaking.page.getByRole("button", { name: "Restart gateway", exact: true }).click();
    await page.locator('[data-connection="lost"]').waitFor({ state: "attached" });
    await isLive(page);
    const shop = await open("shop", { allowed: refusedCalls });
    await isLive(shop.page);
    await placeOrder(shop.page, "Keyboard");
    const messages = page.locator("[data-notification]");
    await messages.filter({ hasText: "confirmed" }).first().waitFor();
    const ids = await attributes(messages, "data-notification");
    expect(new Set(ids).size).toBe(ids.length);
    await Promise.all([done(shop), done(breaking), done(view)]);
  });
});

const views = [
  "shop",
  "orders",
  "stock",
  "notifications",
  "users",
  "map",
  "calls",
  "trace",
  "tour",
  "explorer/order.v1.OrderService/CreateOrder",
  "break",
];

describe("every view", () => {
  it.each(["light", "dark"] as const)("is accessible (WCAG 2.2 AA) in %s, with a screenshot", async (colorScheme) => {
    const found: string[] = [];
    const watched = await open("shop", { colorScheme });
    const { page } = watched;
    await isLive(page);
    await placeOrder(page);
    for (const view of views) {
      await page.goto(`${gateway}#/${view}`);
      await page.locator("h1").first().waitFor();
      await page.waitForTimeout(900);
      found.push(...(await accessibilityProblems(page)).map((problem) => `${view}: ${problem}`));
      await takePicture(page, `${view.split("/")[0]}-${colorScheme}`);
    }
    expect(found).toEqual([]);
    await done(watched);
  });

  it.each([
    [360, 740],
    [3840, 2160],
  ])("fits %i pixels without horizontal scrolling", async (width, height) => {
    const watched = await open("shop", { viewport: { width, height } });
    const { page } = watched;
    await isLive(page);
    await placeOrder(page);
    const tooWide: string[] = [];
    for (const view of views) {
      await page.goto(`${gateway}#/${view}`);
      await page.locator("h1").first().waitFor();
      await page.waitForTimeout(500);
      const needed = Number(await page.evaluate("document.documentElement.scrollWidth"));
      if (needed > width) {
        tooWide.push(`${view}: ${needed}`);
      }
      await takePicture(page, `${view.split("/")[0]}-${width}`);
    }
    expect(tooWide).toEqual([]);
    await done(watched);
  });

  it("is usable with the keyboard alone, up to an order", async () => {
    const watched = await open("shop");
    const { page } = watched;
    await isLive(page);
    await page.getByRole("button", { name: "Add Mouse", exact: true }).waitFor();
    const tabTo = async (name: RegExp) => {
      for (let presses = 0; presses < 80; presses++) {
        await page.keyboard.press("Tab");
        const focused = String(await page.evaluate('document.activeElement?.textContent ?? ""'));
        if (name.test(focused)) {
          return;
        }
      }
      throw new Error(`Tab does not reach ${name}`);
    };
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement?.textContent")).toContain("Skip to the content");
    await page.keyboard.press("Enter");
    await tabTo(/^Add Mouse$/);
    await page.keyboard.press("Enter");
    await tabTo(/^Place order$/);
    await page.keyboard.press("Enter");
    await page.getByLabel("Your order").locator("header").getByText("Confirmed").waitFor();
    await done(watched);
  });
});
