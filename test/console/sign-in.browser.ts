import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { npmStart, type RunningStack } from "../e2e/running-stack.ts";
import { eventually } from "../processes/eventually.ts";
import { launchChromium, openPage } from "./chromium.ts";

let stack: RunningStack;
let browser: Browser;
let gateway: string;

beforeAll(async () => {
  const variables = { AUTH: "required", ADMIN_EMAIL: "admin@example.com", ADMIN_PASSWORD: "a-long-password" };
  [stack, browser] = await Promise.all([npmStart(["--log-level", "warn"], variables), launchChromium()]);
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

it("lets a customer sign up, order, and see only their own order", async () => {
  const { page, problems } = await openPage(browser, `${gateway}#/shop`);
  await page.getByRole("button", { name: "Add Mouse", exact: true }).click();
  await page.getByRole("button", { name: "Sign in to order", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "I have no account yet", exact: true }).click();
  await dialog.getByLabel("Name").fill("Dana White");
  await dialog.getByLabel("E-mail address").fill("dana@example.com");
  await dialog.getByLabel("Password").fill("a-long-password");
  await dialog.getByRole("button", { name: "Sign up", exact: true }).click();
  await page.getByRole("button", { name: "Place order", exact: true }).click();
  await page.getByLabel("Your order").locator("header").getByText("Confirmed").waitFor();
  await page.goto(`${gateway}#/orders`);
  const orders = page.locator("tr[data-order]");
  await orders.first().waitFor();
  expect(await orders.count()).toBe(1);
  await page.goto(`${gateway}#/notifications`);
  await page.locator("[data-notification]", { hasText: "dana@example.com" }).first().waitFor();
  await page.goto(`${gateway}#/calls`);
  await page.getByText("Only admins can see calls").waitFor();
  expect(problems).toEqual([]);
  await page.context().close();
});

it("rejects a wrong password, and lets an admin see the calls and change the stock", async () => {
  const { page, problems } = await openPage(browser, `${gateway}#/stock`, { allowed: /401 \(Unauthorized\)/ });
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("E-mail address").fill("admin@example.com");
  await dialog.getByLabel("Password").fill("a-wrong-password");
  await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
  await dialog.getByText("UNAUTHENTICATED").waitFor();
  await dialog.getByLabel("Password").fill("a-long-password");
  await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("button", { name: "Restock Mouse", exact: true }).click();
  await dialog.getByLabel("Units").fill("3");
  await dialog.getByRole("button", { name: "Restock", exact: true }).click();
  await page
    .locator("tr", { hasText: "Mouse" })
    .getByText(/20[0-9] in stock/)
    .waitFor();
  await page.goto(`${gateway}#/calls`);
  // The page sees the calls that end after it began to watch.
  const traffic = setInterval(() => void fetch(new URL("products", gateway)).catch(() => {}), 500);
  await page
    .locator(".windowed-row")
    .first()
    .waitFor()
    .finally(() => clearInterval(traffic));
  await page.goto(`${gateway}#/break`);
  await page.getByText("This page cannot start and stop services").waitFor();
  expect(problems).toEqual([]);
  await page.context().close();
});

it("exposes no token that starts and stops services", async () => {
  const { page } = await openPage(browser, gateway);
  const session = await page.evaluate(() => fetch("console/session.json").then((response) => response.json()));
  expect(session).toMatchObject({ signIn: true });
  expect(session).not.toHaveProperty("stack");
  await page.context().close();
});
