import { setTimeout as sleep } from "node:timers/promises";
import { ConnectError } from "@connectrpc/connect";
import { systemEnvironment } from "@parley/rpc";
import { ConnectionPool, createServiceClient } from "@parley/rpc/client";
import { freePort } from "../processes/free-port.ts";
import type { Program } from "../processes/program.ts";
import { PatientEchoService } from "./contract.ts";
import { findDnsmasq, startDnsmasq, ttlSeconds } from "./dns-program.ts";
import { echoReplica } from "./echo-replica.ts";

/**
 * `npm run discovery`: real services behind a real DNS server (dnsmasq) with changing records, under load. New replicas get
 * calls within the TTL and one interval, removed ones get none, and no call that may be retried fails, also while replicas are
 * restarted in turn, stopped, or killed. The last line gives the totals of passed and failed checks.
 */
const intervalMs = 1000;
/** A margin for starting processes on a busy machine. The checks themselves compare counts. */
const graceMs = 10_000;
const callers = 16;
const name = "echo.parley.test";

let passed = 0;
let failed = 0;
function check(what: string, ok: boolean, details = ""): void {
  ok ? passed++ : failed++;
  console.log(`${ok ? "✓" : "✗"} ${what}${details === "" ? "" : `: ${details}`}`);
}

const command = findDnsmasq();
if (command === undefined) {
  console.log("Left out, since there is no dnsmasq on this machine: discovery by DNS (Debian: dnsmasq-base)");
  console.log("0 passed, 0 failed");
  process.exit(0);
}
if (process.platform !== "linux") {
  console.log("Left out, since only Linux has all of 127.0.0.0/8: discovery by DNS");
  console.log("0 passed, 0 failed");
  process.exit(0);
}

const port = await freePort();
const addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.4"] as const;
const replicas = new Map(addresses.map((address) => [address as string, echoReplica(address, port)]));
const replica = (address: string) => replicas.get(address) as Program;
const dns = await startDnsmasq(command);
const environment = systemEnvironment({ name: "discovery", logLevel: "warn" });
const pool = new ConnectionPool(environment);
const connection = { resolveIntervalMs: intervalMs, slowStartMs: 1000 };
const client = createServiceClient(PatientEchoService, `dns://${dns.address}/${name}:${port}`, {
  environment,
  pool,
  connection,
});

const failures: string[] = [];
let calls = 0;
let over = false;
async function caller(): Promise<void> {
  while (!over) {
    await client.echo({ message: "hello" }, { timeoutMs: 10_000 }).then(
      () => calls++,
      (error) => failures.push(ConnectError.from(error).message),
    );
    await sleep(1);
  }
}

/** The calls that a replica has served, by its own metrics. */
async function answered(address: string): Promise<number> {
  const page = await fetch(`http://${address}:${port}/metrics`).then((answer) => answer.text());
  const lines = page.split("\n").filter((line) => /_server_call_duration_seconds_count\{.*Echo"?[,}]/.test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

async function gets(address: string, withinMs: number): Promise<number | undefined> {
  const before = await answered(address);
  const startMs = performance.now();
  while (performance.now() - startMs < withinMs) {
    if ((await answered(address)) > before) {
      return performance.now() - startMs;
    }
    await sleep(50);
  }
  return undefined;
}

const newMs = ttlSeconds * 1000 + intervalMs + graceMs;
try {
  await Promise.all([replica("127.0.0.2").start(), replica("127.0.0.3").start()]);
  dns.publish(name, ["127.0.0.2", "127.0.0.3"]);
  await sleep(200);
  const loops = Array.from({ length: callers }, caller);
  for (const address of ["127.0.0.2", "127.0.0.3"]) {
    check(`${address} gets calls`, (await gets(address, newMs)) !== undefined);
  }

  await replica("127.0.0.4").start();
  dns.publish(name, addresses);
  const foundMs = await gets("127.0.0.4", newMs);
  check("a new replica gets calls within the TTL and one interval", foundMs !== undefined, `${foundMs?.toFixed(0)} ms`);

  dns.publish(name, ["127.0.0.3", "127.0.0.4"]);
  await sleep(ttlSeconds * 1000 + intervalMs + 1000);
  const left = await answered("127.0.0.2");
  await sleep(1500);
  check("one that is no longer in DNS gets none", (await answered("127.0.0.2")) === left);
  dns.publish(name, addresses);
  check("and gets some once it is back", (await gets("127.0.0.2", newMs)) !== undefined);
  check("no call has failed", failures.length === 0, failures.slice(0, 3).join("; "));

  failures.length = 0;
  for (const address of addresses) {
    replica(address).signal("SIGTERM");
    await replica(address).ended();
    await replica(address).start();
    await gets(address, newMs);
  }
  check("a rolling restart fails no call", failures.length === 0, failures.slice(0, 3).join("; "));

  failures.length = 0;
  const before = calls;
  await replica("127.0.0.3").kill();
  await sleep(3000);
  check("a killed replica fails no call", failures.length === 0, failures.slice(0, 3).join("; "));
  check("and the others keep answering", calls - before > 100, `${calls - before} calls`);
  await replica("127.0.0.3").start();
  check("and it gets calls again", (await gets("127.0.0.3", newMs)) !== undefined);

  failures.length = 0;
  replica("127.0.0.4").signal("SIGSTOP");
  await sleep(1500);
  const stalled = calls;
  await sleep(2000);
  check(
    "callers of a stopped one get answers again after a second and a half",
    calls - stalled > 100,
    `${calls - stalled} calls`,
  );
  replica("127.0.0.4").signal("SIGCONT");
  check("and it gets calls again", (await gets("127.0.0.4", newMs)) !== undefined);
  check("and answers those that it had", failures.length === 0, failures.slice(0, 3).join("; "));

  await dns.publishService(`_grpc._tcp.${name}`, name, [port]);
  await sleep(500);
  const bySrv = createServiceClient(PatientEchoService, `srv://${dns.address}/_grpc._tcp.${name}`, {
    environment,
    pool,
    connection,
  });
  const answer = await bySrv.echo({ message: "by SRV" }, { timeoutMs: 20_000 }).catch((error) => error);
  check("SRV records name ports", answer.message === "by SRV", String(answer.message));
  over = true;
  await Promise.all(loops);
} finally {
  over = true;
  pool.close();
  await Promise.all([...replicas.values()].map((each) => each.kill()));
  await dns.stop();
}
console.log(`${calls} calls`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
