import { pause } from "../crash/random.ts";
import { eventually } from "../processes/eventually.ts";
import { shownSerial } from "./certificates.ts";
import { type Checks, expectNone } from "./checks.ts";
import { openEventStream } from "./event-stream.ts";
import { domain } from "./name-server.ts";
import type { Platform } from "./platform.ts";
import { shopName } from "./proxy.ts";
import type { Replica } from "./replica.ts";
import { startPatiently } from "./start-patiently.ts";
import type { Period, Traffic } from "./traffic.ts";

/** What a change needs. */
export interface During {
  readonly platform: Platform;
  readonly traffic: Traffic;
  readonly checks: Checks;
  /** An admin's token. */
  readonly token: string;
}

/** For what takes a second or two, on a machine that may be busy. */
const patienceMs = 60_000;
/** Longer than the detection of a lost host takes, and shorter than any retry limit. */
const unpluggedMs = 15_000;

/**
 * An orchestrator withdraws the address of a replica before it stops it: the `preStop` of deploy/kubernetes. nginx asks the DNS every 5 s, and this
 * is a margin for a busy machine.
 */
const withdrawnMs = 8_000;

/** Services that get calls from buyers, directly or not. */
const isUsed = ({ service }: Replica) => !service.startsWith("echo");

/**
 * Restarts all replicas of a host at once, as draining a machine does, then those of the other; then Redis.
 */
export async function restartEverything({ platform, traffic, checks }: During): Promise<void> {
  const { network, replicas, stores } = platform;
  traffic.take();
  for (const host of network.hosts) {
    await checks.check(`every replica on host ${host.name} drains and starts again under load`, async () => {
      const its = replicas.filter((each) => each.host === host);
      const some = its.map(({ program }) => program);
      platform.publish(replicas.filter((each) => each.host !== host));
      await pause(withdrawnMs);
      for (const program of some) program.signal("SIGTERM");
      const codes = await Promise.all(some.map(async (program) => `${program.name}: ${await program.ended()}`));
      expectNone(
        "exit codes other than 0",
        codes.filter((code) => !code.endsWith(": 0")),
      );
      await Promise.all(some.map(startPatiently));
      platform.publish();
      // An orchestrator stops the next replica once the one before is in use: nginx asks the DNS every 5 s.
      await untilCalled(its.filter(isUsed));
      await traffic.untilAnswered(40);
      return summary(traffic.take(), { explained: none });
    });
  }
  await checks.check("Redis starts again under load", async () => {
    stores.redis.signal("SIGTERM");
    await stores.redis.ended();
    await stores.redis.start();
    await traffic.untilAnswered(40);
    return summary(traffic.take(), { explained: none });
  });
}

/** Unplugs or stops a host without a shutdown, and brings it back. Calls on it have no outcome, and are retried with the same request id. */
export async function loseHost({ platform, traffic, checks }: During): Promise<void> {
  const { network, replicas } = platform;
  const host = network.hosts[1];
  const its = replicas.filter((each) => each.host === host);
  const isNamespace = network.kind === "namespaces";
  traffic.take();
  await checks.check(`calls succeed while host ${host.name} is ${isNamespace ? "unplugged" : "stopped"}`, async () => {
    if (isNamespace) await host.link("down");
    else for (const { program } of its) program.signal("SIGSTOP");
    try {
      await pause(unpluggedMs);
      await traffic.untilAnswered(80);
    } finally {
      if (isNamespace) await host.link("up");
      else for (const { program } of its) program.signal("SIGCONT");
    }
    return summary(traffic.take());
  });
  await checks.check(`and host ${host.name} gets calls once it is back`, async () => {
    await untilCalled(its.filter(isUsed));
    return summary(traffic.take());
  });
}

/** Adds a replica of each service. Callers and the proxy find it by DNS. */
export async function addReplicas({ platform, traffic, checks }: During): Promise<void> {
  traffic.take();
  await checks.check("third replicas are found by DNS and get calls", async () => {
    await untilCalled((await platform.addReplicas()).filter(isUsed));
    return summary(traffic.take(), { explained: none });
  });
}

/** Replaces the certificates of the proxy and of the services. */
export async function rotateCertificates({ platform, traffic, checks, token }: During): Promise<void> {
  const { proxy, network, replicas } = platform;
  traffic.take();
  await checks.check("new certificates are shown by the proxy and by every service", async () => {
    const stream = await openEventStream(`${proxy.url}/orders:watch`, token);
    const serials = await platform.rotateCertificates();
    proxy.program.signal("SIGHUP");
    const servers = [
      { host: network.front, port: proxy.port, name: shopName, serial: serials.proxy },
      ...replicas
        .filter(({ service }) => service !== "gateway")
        .map(({ address, port, service }) => ({
          host: address,
          port,
          name: `${service}.${domain}`,
          serial: serials.services,
        })),
    ];
    for (const server of servers) {
      const shown = await eventually(
        () => shownSerial(server),
        (serial) => serial === server.serial,
        patienceMs,
      );
      if (shown !== server.serial)
        throw new Error(`${server.name} at ${server.host} shows ${shown}, not ${server.serial}`);
    }
    const seen = stream.events();
    await traffic.untilAnswered(80);
    const more = await eventually(
      async () => stream.events() - seen,
      (count) => count > 0,
      patienceMs,
    );
    stream.close();
    if (more === 0) throw new Error("a stream that was open before the change gets no more events");
    // nginx ends its clients' HTTP/2 connections with GOAWAY. A client without retries does not repeat a call that crosses it.
    return summary(traffic.take(), { explained: /GOAWAY/ });
  });
}

async function untilCalled(replicas: readonly Replica[]): Promise<void> {
  const before = await Promise.all(replicas.map((each) => each.calls()));
  const withoutCalls = async () => {
    const now = await Promise.all(replicas.map((each) => each.calls()));
    return replicas.filter((_, index) => (now[index] as number) <= (before[index] as number));
  };
  const left = await eventually(withoutCalls, (some) => some.length === 0, patienceMs);
  expectNone(
    "replicas without calls",
    left.map(({ program }) => program.name),
  );
}

export interface Expectation {
  /** Matches the failed tries that the change explains. Default: all of them. */
  readonly explained?: RegExp;
}

/** No failed try is explained. */
export const none = /(?!)/;

/** Fails if a call was lost, or a try failed for another reason than the change, apart from those that were only late. */
export function summary(period: Period, { explained = /./ }: Expectation = {}): string {
  const { answered, failedTries, lost, slowestMs } = period;
  const late = failedTries.filter(({ isLate }) => isLate).length;
  const calls = Object.values(answered).reduce((sum, count) => sum + count, 0);
  expectNone("calls were lost", lost);
  const totals = `${calls} calls, ${failedTries.length} tries failed (${late} late), the slowest call took ${slowestMs.toFixed(0)} ms`;
  expectNone(
    `tries failed for another reason (${totals})`,
    failedTries.filter(({ error, isLate }) => !isLate && !explained.test(error)).map(({ error }) => error),
  );
  return totals;
}
