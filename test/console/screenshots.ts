import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";

/** The folder of the screenshots. */
export const pictures = process.env.CONSOLE_SCREENSHOTS ?? join(tmpdir(), "parley-console-screenshots");

/** Takes a screenshot of the visible part of the page. */
export async function takePicture(page: Page, name: string): Promise<void> {
  await mkdir(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}
