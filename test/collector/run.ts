// `npm run test:collector`: tests the telemetry of orders with a real OpenTelemetry Collector, which is built from Go modules once and kept in
// the user's cache. The last line gives the totals of passed and failed tests.
import { runVitest } from "../processes/run-vitest.ts";
import { collectorProgram } from "./collector-program.ts";

const found = await collectorProgram();
if ("missing" in found) {
  console.log(`Left out, since ${found.missing}: telemetry to a real OpenTelemetry Collector.`);
  console.log("0 passed, 0 failed");
} else {
  runVitest("test/collector/vitest.config.ts", { PARLEY_COLLECTOR: found.path });
}
