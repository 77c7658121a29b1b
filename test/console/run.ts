// `npm run test:console`: tests the console in a real browser, against a real stack. The last line gives the totals of passed and
// failed tests.
import { runVitest } from "../processes/run-vitest.ts";
import { chromiumPath } from "./chromium.ts";

if (chromiumPath() === undefined) {
  console.log(
    "Left out, since the machine has no Chromium: the console in a real browser. Debian's package is called chromium.",
  );
  console.log("0 passed, 0 failed");
} else {
  runVitest("test/console/vitest.config.ts");
}
