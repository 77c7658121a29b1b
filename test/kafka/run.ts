import { spawn } from "node:child_process";
import { once } from "node:events";
import { fetchKafka } from "./fetch-kafka.ts";

/**
 * `npm run test:kafka`: runs the broker tests over a real Kafka (KRaft, one node). Its jars come from Maven Central and are
 * cached in the user's cache. Without Java or Maven it is skipped, with a message.
 */
const kafka = await fetchKafka();
if ("missing" in kafka) {
  console.log(`Left out, since ${kafka.missing}: the broker tests over Kafka`);
  process.exit(0);
}
const words = [
  "run",
  "packages/events/src/broker/broker.test.ts",
  "--testNamePattern",
  "with Kafka",
  "--testTimeout",
  "300000",
];
const tests = spawn("vitest", words, { stdio: "inherit", env: { ...process.env, PARLEY_KAFKA_LIBS: kafka.libs } });
const [code] = (await once(tests, "exit")) as [number | null];
process.exit(code ?? 1);
