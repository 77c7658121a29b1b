import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type PeerCertificate } from "node:tls";
import { Code, createClient } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAccessControl } from "../access/access-control.ts";
import { certificateIdentity, readServiceNamePattern } from "../access/certificate-identity.ts";
import { rejection, testEnvironment } from "../client/client-fixture.ts";
import { load, patientLimits } from "../client/connection/balancing/balanced-fixture.ts";
import { ConnectionPool } from "../client/connection/connection-pool.ts";
import { createServiceClient } from "../client/service-client.ts";
import { createWireTransport } from "../client/wire/wire-transport.ts";
import { type Authority, createAuthority, hasOpenssl, type Issued } from "./certificate-fixture.ts";
import { serveEcho } from "./echo-fixture.ts";
import { implementPartly } from "./pipeline/service-module.ts";

const patience = { timeout: 30_000, interval: 20 };
const reloadIntervalMs = 50;

if (!hasOpenssl) {
  process.stdout.write("TLS certificates: left out, since there is no openssl on this machine\n");
}

describe.runIf(hasOpenssl)("certificates", () => {
  let folder: string;
  let first: Authority;
  let second: Authority;
  const file = (name: string) => join(folder, name);
  const write = (name: string, ...texts: readonly string[]) => writeFileSync(file(name), texts.join(""));
  const writeBoth = (name: string, { cert, key }: Issued) => {
    write(`${name}.pem`, cert);
    write(`${name}.key`, key);
  };
  const filesOf = (name: string) => ({
    certFile: file(`${name}.pem`),
    keyFile: file(`${name}.key`),
    caFile: file("ca.pem"),
  });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "parley-tls-"));
    [first, second] = [createAuthority(folder, "first"), createAuthority(folder, "second")];
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("of servers, clients and CAs are rotated under load without a failed call", async () => {
    write("ca.pem", first.cert);
    writeBoth("server", first.issue("IP:127.0.0.1"));
    writeBoth("client", first.issue("DNS:client"));
    const servers = await Promise.all(
      [0, 1].map(() =>
        serveEcho({
          config: {
            tls: { ...filesOf("server"), reloadIntervalMs },
            // Forces new connections all the time.
            limits: { ...patientLimits, connectionAgeMaxMs: 60, connectionAgeGraceMs: 60_000 },
          },
        }),
      ),
    );
    const clientDefaults = { tlsFiles: filesOf("client"), tlsReloadIntervalMs: reloadIntervalMs };
    const environment = { ...testEnvironment({ random: Math.random }), clientDefaults };
    const pool = new ConnectionPool(environment);
    // Without retries, so that each failure is visible.
    const transport = createWireTransport(pool.channel(servers.map(({ url }) => url).join()), environment.clock);
    const calls = load(() => createClient(EchoService, transport).echo({}, { timeoutMs: 30_000 }));
    const logs = () => [environment.lines, ...servers.map(({ lines }) => lines())];
    const reloads = () => logs().map((lines) => lines.filter(({ msg }) => msg === "TLS files reloaded").length);
    const reloaded = (...least: readonly number[]) =>
      expect.poll(() => reloads().every((count, index) => count >= (least[index] ?? 0)), patience).toBe(true);
    const peer = () =>
      new Promise<PeerCertificate>((resolve, reject) => {
        const { cert, key } = second.issue("DNS:looker");
        const port = servers[0]?.server.port ?? 0;
        const socket = connect({ port, host: "127.0.0.1", ca: second.cert, cert, key }, () => {
          resolve(socket.getPeerCertificate());
          socket.destroy();
        });
        socket.on("error", reject);
      });

    const resume = async () => {
      const before = calls.count;
      await expect.poll(() => calls.count - before, patience).toBeGreaterThan(100);
    };
    await resume();
    // First all processes trust both CAs.
    write("ca.pem", first.cert, second.cert);
    await reloaded(1, 1, 1);
    // A new certificate without its new key is not used.
    const next = second.issue("IP:127.0.0.1");
    write("server.pem", next.cert);
    await expect
      .poll(() => logs().map((lines) => lines.some(({ msg }) => /TLS files are invalid/.test(String(msg)))), patience)
      .toEqual([false, true, true]);
    await resume();
    write("server.key", next.key);
    await reloaded(1, 2, 2);
    expect((await peer()).issuer.CN).toBe("second");
    writeBoth("client", second.issue("DNS:client"));
    await reloaded(2, 2, 2);
    await resume();
    // The first CA is no longer trusted.
    write("ca.pem", second.cert);
    await reloaded(3, 3, 3);
    await resume();
    await calls.stop();
    expect(calls.failures).toEqual([]);
    pool.close();
    await Promise.all(servers.map(({ server }) => server.close()));
  }, 120_000);

  it("identify a calling service without a token, if it requests this", async () => {
    write("ca.pem", first.cert);
    writeBoth("server", first.issue("IP:127.0.0.1"));
    const entry = implementPartly(InventoryService, { reserveStock: () => ({}) });
    const reserved: unknown[] = [];
    const authorize = await createAccessControl(
      { entries: [entry] },
      {
        environment: testEnvironment(),
        loadUserKeys: async () => ({ keys: [] }),
        serviceKeysFile: "",
        serviceOfNames: readServiceNamePattern("spiffe://shop.test/sa/{service}"),
      },
    );
    const { server, calls } = await serveEcho({ entries: [entry], authorize, config: { tls: filesOf("server") } });
    const pools: ConnectionPool[] = [];
    const reserve = async (name: string, { asks = true, cert = true } = {}) => {
      writeBoth(name, first.issue(`URI:spiffe://shop.test/sa/${name}`));
      const tlsFiles = cert ? filesOf(name) : { caFile: file("ca.pem") };
      const environment = {
        ...testEnvironment(),
        clientDefaults: { tlsFiles },
        ...(asks ? { identity: certificateIdentity(name) } : {}),
      };
      const pool = new ConnectionPool(environment);
      pools.push(pool);
      const client = createServiceClient(InventoryService, server.url, { environment, pool });
      const request = { orderId: "order", items: [{ productId: "101", quantity: 1 }] };
      return client.reserveStock(request, { timeoutMs: 30_000 }).then((answer) => reserved.push(answer));
    };
    await reserve("order");
    expect(reserved.length).toBe(1);
    // The contract allows only the order service.
    expect((await rejection(reserve("product"))).code).toBe(Code.PermissionDenied);
    const unknown = await rejection(reserve("Order"));
    expect([unknown.code, unknown.rawMessage]).toEqual([
      Code.Unauthenticated,
      expect.stringContaining("the TLS certificate names no service"),
    ]);
    expect((await rejection(reserve("order", { cert: false }))).code).toBe(Code.Unauthenticated);
    // A gateway does not request it: its callers must not get its permissions.
    expect((await rejection(reserve("order", { asks: false }))).code).toBe(Code.Unauthenticated);
    expect(calls().length).toBeGreaterThan(0);
    for (const pool of pools) {
      pool.close();
    }
    await server.close();
  }, 60_000);
});
