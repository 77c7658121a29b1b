// The log of calls while 2,000 calls a second arrive. `npm run bench:console` measures a whole minute.
import { execFileSync } from "node:child_process";
import { buildProgram } from "@parley/console";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually } from "../processes/eventually.ts";
import { answerMs, type CallFlood, heapMiB, mainThreadShare, startCallFlood } from "./call-flood.ts";
import { launchChromium, openPage, type WatchedPage } from "./chromium.ts";

let flood: CallFlood;
let browser: Browser;

beforeAll(async () => {
  execFileSync(process.execPath, [buildProgram]);
  [flood, browser] = await Promise.all([startCallFlood(2_000), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await flood?.close();
});

/** Opens the log and waits until it is full. */
async function openFullLog(options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const watched = await openPage(browser, `${flood.url}/#/calls`, options);
  const shown = () => watched.page.locator(".calls-notes").textContent();
  const isFull = (text: string | null) => text?.includes("10,000 of 10,000") === true;
  expect(await eventually(shown, isFull, 60_000)).toContain("10,000 of");
  return watched;
}

it("answers input within 100 ms, with bounded memory and few rows in the document", async () => {
  const { page, problems } = await openFullLog();
  const answers: number[] = [];
  for (let click = 0; click < 15; click++) {
    answers.push(await answerMs(page));
    await page.waitForTimeout(200);
  }
  answers.sort((one, other) => one - other);
  // The median, because another process may have both cores for a moment. The main thread's own time is bounded below.
  expect(answers[7]).toBeLessThan(100);
  expect(await mainThreadShare(page, 4)).toBeLessThan(0.5);
  expect(await heapMiB(page)).toBeLessThan(100);
  expect(await page.locator(".windowed-row").count()).toBeLessThan(60);
  expect(problems).toEqual([]);
  await page.context().close();
});

it("leaves most of its main thread free in 4K too, paused and searched", async () => {
  // Without a graphics processor, painting 4K takes longer than everything else, so that no time of an answer is asserted.
  const { page, problems } = await openFullLog({ viewport: { width: 3840, height: 2160 } });
  expect(await mainThreadShare(page, 4)).toBeLessThan(0.5);
  await page.getByRole("searchbox").or(page.getByLabel("Search")).first().fill("reserve");
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  expect(await mainThreadShare(page, 4)).toBeLessThan(0.5);
  expect(await page.locator(".windowed-row").count()).toBeLessThan(150);
  expect(problems).toEqual([]);
  await page.context().close();
});
