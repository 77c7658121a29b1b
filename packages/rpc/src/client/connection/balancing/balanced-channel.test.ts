import { Code, createClient } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { afterEach, describe, expect, it, vi } from "vitest";
import { neverSent } from "../../call/attempt-outcome.ts";
import { rejection } from "../../client-fixture.ts";
import { answerOk, rawHttp2 } from "../../wire/wire-fixture.ts";
import { createWireTransport } from "../../wire/wire-transport.ts";
import type { ChannelOptions } from "../channel.ts";
import { dnsServer } from "../resolution/dns-fixture.ts";
import { bareClient, holdingProxy, load, type Replica, replica } from "./balanced-fixture.ts";

// Each waits for a condition; on a busy machine that takes a while.
vi.setConfig({ testTimeout: 120_000 });

const closing: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) {
    await close();
  }
});

async function replicas(count: number): Promise<readonly Replica[]> {
  const all = await Promise.all(Array.from({ length: count }, () => replica()));
  closing.push(() => Promise.all(all.map(({ echo }) => echo.server.close())));
  return all;
}

function client(target: string, options: ChannelOptions = {}) {
  const made = bareClient(target, options);
  closing.push(() => made.pool.close());
  return made;
}

const listOf = (all: readonly Replica[]) => all.map(({ address }) => address).join(",");
const patience = { timeout: 20_000, interval: 20 };

describe.each(["round_robin", "least_request"] as const)("%s", (balancing) => {
  it("sends calls to every address of a list", async () => {
    const all = await replicas(3);
    const { client: echo } = client(listOf(all), { balancing });
    const calls = load(() => echo.echo({}, { timeoutMs: 20_000 }));
    await expect.poll(() => Math.min(...all.map((each) => each.calls)), patience).toBeGreaterThan(20);
    await calls.stop();
    expect(calls.failures).toEqual([]);
  });

  it("follows DNS: a new address gets calls, a removed one gets none, and no call fails", async () => {
    const dns = await dnsServer();
    closing.push(() => dns.close());
    const all = await replicas(3);
    const publish = (published: readonly Replica[]) => {
      dns.set("localhost.test", { a: ["127.0.0.1"] });
      dns.set("_grpc._tcp.echo.test", { srv: published.map(({ port }) => ({ port, target: "localhost.test" })) });
    };
    publish(all.slice(0, 2));
    const { client: echo, environment } = client(`srv://${dns.address}/_grpc._tcp.echo.test`, {
      balancing,
      resolveIntervalMs: 50,
    });
    const calls = load(() => echo.echo({}, { timeoutMs: 20_000 }));
    await expect.poll(() => Math.min(...all.slice(0, 2).map((each) => each.calls)), patience).toBeGreaterThan(5);
    expect(all[2]?.calls).toBe(0);
    publish(all.slice(1));
    await expect.poll(() => all[2]?.calls, patience).toBeGreaterThan(5);
    const removed = all[0]?.calls;
    const before = calls.count;
    await expect.poll(() => calls.count - before, patience).toBeGreaterThan(50);
    // An unreachable DNS server, and a name without addresses, change nothing.
    dns.delete("_grpc._tcp.echo.test");
    await expect
      .poll(() => environment.lines.some(({ msg }) => /resolution failed/.test(String(msg))), patience)
      .toBe(true);
    const later = calls.count;
    await expect.poll(() => calls.count - later, patience).toBeGreaterThan(50);
    await calls.stop();
    expect(calls.failures).toEqual([]);
    expect((all[0]?.calls ?? 0) - (removed ?? 0)).toBeLessThanOrEqual(8);
    expect(environment.lines.find(({ removed: gone }) => Array.isArray(gone) && gone.length > 0)).toMatchObject({
      msg: "addresses changed",
      removed: [all[0]?.address],
    });
  });
});

describe("an address", () => {
  it("whose server drains gets no more calls, and none fails, although none is retried", async () => {
    const all = await Promise.all(
      [0, 1, 2].map(() => replica({ config: { drainNoticeMs: 200, shutdownGraceMs: 10_000 } })),
    );
    const { client: echo, environment } = client(listOf(all));
    const calls = load(() => echo.echo({}, { timeoutMs: 20_000 }));
    for (const { echo: server } of all.slice(1)) {
      const before = calls.count;
      await expect.poll(() => calls.count - before, patience).toBeGreaterThan(50);
      await server.server.close();
    }
    await calls.stop();
    await all[0]?.echo.server.close();
    expect(calls.failures).toEqual([]);
    expect(environment.lines).toContainEqual(
      expect.objectContaining({ reason: "not_serving", address: all[1]?.address }),
    );
  });

  it("that fails its calls while the others do not is ejected, and used again later", async () => {
    const all = await replicas(3);
    const [bad] = all as [Replica];
    bad.behaviour = "fails";
    const { client: echo, environment } = client(listOf(all), {
      outlierEjection: { intervalMs: 50, baseEjectionMs: 300 },
    });
    const calls = load(() => echo.echo({}, { timeoutMs: 20_000 }));
    const ejections = () =>
      environment.lines.filter(({ reason, msg }) => reason === "failures" && msg === "address ejected");
    await expect.poll(() => ejections().length, patience).toBeGreaterThan(1);
    bad.behaviour = "answers";
    const failed = () => calls.failures.length;
    await expect
      .poll(() => environment.lines.filter(({ msg }) => msg === "address used again").length, patience)
      .toBeGreaterThan(1);
    const before = bad.calls;
    await expect.poll(() => bad.calls - before, patience).toBeGreaterThan(20);
    await calls.stop();
    expect(ejections().every(({ address }) => address === bad.address)).toBe(true);
    expect(failed()).toBeLessThan(calls.count);
  });

  it("is not ejected if all addresses fail", async () => {
    const all = await replicas(2);
    const { client: echo, environment } = client(listOf(all), { outlierEjection: { intervalMs: 20 } });
    for (const each of all) {
      each.behaviour = "fails";
    }
    const calls = load(() => echo.echo({}, { timeoutMs: 20_000 }));
    await expect.poll(() => Math.min(...all.map((each) => each.calls)), patience).toBeGreaterThan(100);
    await calls.stop();
    expect(environment.lines.filter(({ reason }) => reason === "failures")).toEqual([]);
  });

  it("that stalls behind an open connection is detected by a PING, and used again once it answers", async () => {
    const all = await replicas(3);
    const proxy = await holdingProxy(all[0]?.port ?? 0);
    closing.push(() => proxy.close());
    const { client: echo, environment } = client([proxy.url, ...all.slice(1).map(({ address }) => address)].join());
    const calls = load(() => echo.echo({}, { timeoutMs: 20_000 }));
    await expect.poll(() => all[0]?.calls, patience).toBeGreaterThan(5);
    proxy.held = true;
    await expect
      .poll(() => environment.lines.find(({ reason }) => reason === "silence"), patience)
      .toMatchObject({ msg: "address ejected" });
    const reached = all[0]?.calls;
    const before = calls.count;
    await expect.poll(() => calls.count - before, patience).toBeGreaterThan(100);
    expect(all[0]?.calls).toBe(reached);
    proxy.held = false;
    await expect.poll(() => all[0]?.calls, patience).toBeGreaterThan((reached ?? 0) + 5);
    await calls.stop();
    expect(calls.failures).toEqual([]);
  });

  it("that is slow is not treated as stalled", async () => {
    const all = await replicas(2);
    const { client: echo, environment } = client(listOf(all));
    await Promise.all(Array.from({ length: 8 }, () => echo.echo({}, { timeoutMs: 20_000 })));
    for (const each of all) {
      each.behaviour = "never answers";
    }
    await Promise.all(Array.from({ length: 4 }, () => rejection(echo.echo({}, { timeoutMs: 1500 }))));
    expect(environment.lines.filter(({ reason }) => reason === "silence")).toEqual([]);
  });
});

describe("a target", () => {
  it("with no reachable address fails at once, and works again once one is", async () => {
    const [gone, also] = (await replicas(2)) as [Replica, Replica];
    await Promise.all([gone.echo.server.close(), also.echo.server.close()]);
    const { client: echo } = client(`${gone.address},${also.address}`);
    const error = await rejection(echo.echo({}, { timeoutMs: 20_000 }));
    expect([error.code, neverSent(error)]).toEqual([Code.Unavailable, true]);
    expect(error.rawMessage).toContain(gone.address);
    const back = await replica({ config: { port: also.port } });
    closing.push(() => back.echo.server.close());
    await expect
      .poll(
        () =>
          echo.echo({}, { timeoutMs: 20_000 }).then(
            () => "ok",
            () => "not yet",
          ),
        patience,
      )
      .toBe("ok");
  });

  it("whose name does not resolve fails at once, with the reason", async () => {
    const dns = await dnsServer();
    closing.push(() => dns.close());
    const { client: echo } = client(`dns://${dns.address}/nowhere.test:1`);
    const error = await rejection(echo.echo({}, { timeoutMs: 20_000 }));
    expect([error.code, neverSent(error)]).toEqual([Code.Unavailable, true]);
    expect(error.rawMessage).toContain("nowhere.test");
  });

  it("that is idle for long closes its connections, and reconnects", async () => {
    const servers = await Promise.all([0, 1].map(() => rawHttp2((stream) => answerOk(stream))));
    closing.push(() => Promise.all(servers.map((server) => server.close())));
    const { client: echo } = client(servers.map(({ url }) => url).join(), { idleTimeoutMs: 50, healthWatch: false });
    await echo.echo({}, { timeoutMs: 20_000 });
    await expect.poll(() => servers.reduce((sum, { sessions }) => sum + sessions.size, 0), patience).toBe(0);
    await echo.echo({}, { timeoutMs: 20_000 });
  });

  it("uses further connections where a server's limit of concurrent streams is reached, and never goes beyond it", async () => {
    const most = new Map<unknown, number>();
    const open = new Map<unknown, number>();
    const server = await rawHttp2(
      (stream, session) => {
        const count = (open.get(session) ?? 0) + 1;
        open.set(session, count);
        most.set(session, Math.max(most.get(session) ?? 0, count));
        setTimeout(() => {
          open.set(session, (open.get(session) ?? 0) - 1);
          answerOk(stream);
        }, 5);
      },
      { maxConcurrentStreams: 5 },
    );
    closing.push(() => server.close());
    const { client: one, pool, environment } = client(server.url, { connectionsMax: 3 });
    await Promise.all(Array.from({ length: 100 }, () => one.echo({}, { timeoutMs: 20_000 })));
    expect(server.sessionCount()).toBeGreaterThan(1);
    expect(server.sessionCount()).toBeLessThanOrEqual(3);
    expect(Math.max(...most.values())).toBeLessThanOrEqual(5);
    // The same with several addresses, where health watching takes one of the five streams.
    const balanced = createWireTransport(pool.channel(`${server.url},${server.url}`, {}), environment.clock);
    await Promise.all(
      Array.from({ length: 100 }, () => createClient(EchoService, balanced).echo({}, { timeoutMs: 20_000 })),
    );
    expect(Math.max(...most.values())).toBeLessThanOrEqual(5);
  });

  it("counts its decisions", async () => {
    const all = await replicas(2);
    const { client: echo, environment } = client(listOf(all));
    await Promise.all(Array.from({ length: 8 }, () => echo.echo({}, { timeoutMs: 20_000 })));
    await expect
      .poll(() => environment.metrics.metrics(), patience)
      .toContain(`parley_client_usable_addresses{grpc_target="${listOf(all)}"} 2`);
    const page = await environment.metrics.metrics();
    expect(page).toContain(`parley_client_addresses{grpc_target="${listOf(all)}"} 2`);
    expect(page).toContain(`grpc_subchannel_connection_attempts_succeeded_total{grpc_target="${listOf(all)}"} 2`);
  });
});
