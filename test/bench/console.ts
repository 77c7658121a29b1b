// `npm run bench:console`: measures the console's size, its build time, the time to a first order, and its behaviour with 2,000
// calls a second in its log for a minute. Needs Chromium.
import { execFileSync } from "node:child_process";
import { buildProgram } from "@parley/console";
import type { Browser } from "playwright-core";
import { answerMs, heapMiB, mainThreadShare, startCallFlood } from "../console/call-flood.ts";
import { chromiumPath, launchChromium, openPage } from "../console/chromium.ts";
import { npmStart } from "../e2e/running-stack.ts";

const callsPerSecond = Number(process.env.CALLS_PER_SECOND ?? 2_000);
const seconds = Number(process.env.SECONDS_OF_LOAD ?? 60);

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

/** A page that shows the calls of a {@link startCallFlood}. */
async function manyCalls(browser: Browser): Promise<void> {
  const flood = await startCallFlood(callsPerSecond);
  try {
    const { page, problems } = await openPage(browser, `${flood.url}/#/calls`);
    await page.locator(".windowed-row").first().waitFor();
    const answers: number[] = [];
    for (let second = 0; second < seconds; second++) {
      answers.push(await answerMs(page));
      await page.waitForTimeout(1_000);
      if (second % 20 === 0 || second === seconds - 1) {
        const rows = await page.locator(".windowed-row").count();
        console.log(
          `after ${second} s: ${(await heapMiB(page)).toFixed(0)} MiB of JavaScript heap, ${rows} rows in the document`,
        );
      }
    }
    answers.sort((one, other) => one - other);
    const at = (share: number) => answers[Math.min(answers.length - 1, Math.floor(answers.length * share))]?.toFixed(0);
    const shown = await page.locator(".calls-notes").textContent();
    console.log(
      `${callsPerSecond} calls/s for ${seconds} s: a click is answered within ${at(0.5)} ms (median), ${at(0.99)} ms (p99); ${shown}`,
    );
    console.log(`The page's main thread takes ${((await mainThreadShare(page, 5)) * 100).toFixed(0)} % of a core.`);
    console.log(problems.length === 0 ? "No errors in the page." : problems.slice(0, 5).join("\n"));
    await page.context().close();
  } finally {
    await flood.close();
  }
}
