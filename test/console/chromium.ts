import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** The paths of Chromium on Debian and other systems. `CHROMIUM` overrides them. */
const places = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
];

/** The browser for the tests. Undefined if none is installed. */
export function chromiumPath(): string | undefined {
  return [process.env.CHROMIUM ?? "", ...places].find((path) => path !== "" && existsSync(path));
}

export function launchChromium(): Promise<Browser> {
  // Chromium's sandbox does not work in containers; the tests load only the platform's own pages.
  return chromium.launch({ executablePath: chromiumPath() ?? "chromium", args: ["--no-sandbox"] });
}

/** A page and its errors. */
export interface WatchedPage {
  readonly page: Page;
  /** Script and console errors, violations of the Content-Security-Policy, and requests to other hosts than the gateway. */
  readonly problems: readonly string[];
}

/** Opens a view of the console in a new window. */
export async function openPage(
  browser: Browser,
  url: string,
  { allowed, ...options }: BrowserContextOptions & { readonly allowed?: RegExp } = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US", ...options });
  const page = await context.newPage();
  // A generous timeout, because a page may be slow under load.
  page.setDefaultTimeout(30_000);
  const problems: string[] = [];
  const add = (problem: string) => {
    if (allowed?.test(problem) !== true) {
      problems.push(problem);
    }
  };
  page.on("pageerror", (error) => add(`script: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      add(`console: ${message.text()}`);
    }
  });
  const { origin } = new URL(url);
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith("data:")) {
      add(`request to ${request.url()}`);
    }
  });
  await page.addInitScript(reportViolations);
  await page.goto(url);
  return { page, problems };
}

/** Runs in the page. */
const reportViolations = `document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
  console.error("Content-Security-Policy: " + violatedDirective + " " + blockedURI);
});`;

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }[];
}

/** The violations of WCAG 2.2 A and AA that axe reports, one line each. */
export async function accessibilityProblems(page: Page): Promise<readonly string[]> {
  // Colours are wrong during a fade-in.
  await page.waitForTimeout(200);
  await page.evaluate(axe);
  const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const { violations } = (await page.evaluate(`axe.run(document, ${JSON.stringify({ runOnly: rules })})`)) as AxeResult;
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ html, failureSummary }) =>
        `${id}: ${help}\n  ${html.slice(0, 300)}\n  ${failureSummary.replaceAll("\n", " ")}`,
    ),
  );
}
