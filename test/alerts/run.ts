// `npm run test:alerts`: a real Prometheus with the rules of deploy/ scrapes a real stack, and each alert fires for the fault that it is about.
// The last line gives the totals of passed and failed tests.
import { runVitest } from "../processes/run-vitest.ts";
import { hasPrometheus } from "../telemetry/prometheus-server.ts";

if (hasPrometheus) {
  runVitest("test/alerts/vitest.config.ts");
} else {
  console.log(
    "Left out, since the machine has no Prometheus: alerts that fire. Debian's package is called prometheus.",
  );
  console.log("0 passed, 0 failed");
}
