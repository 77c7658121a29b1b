import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { ServerLimits } from "../config/server-limits.ts";
import { type EchoServer, serveEcho } from "../echo-fixture.ts";
import { newConnectionCheck } from "./connection-gate.ts";

const opened: { readonly servers: EchoServer[]; readonly sockets: Socket[] } = { servers: [], sockets: [] };

afterEach(async () => {
  for (const socket of opened.sockets.splice(0)) {
    socket.destroy();
  }
  await Promise.all(opened.servers.splice(0).map(({ server }) => server.close()));
});

async function serve(limits: Partial<ServerLimits>) {
  const echo = await serveEcho({ config: { limits } });
  opened.servers.push(echo);
  return echo;
}

async function silent({ server }: EchoServer): Promise<Socket> {
  const socket = connect(server.port, "127.0.0.1");
  opened.sockets.push(socket);
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** A kept-alive HTTP/1.1 connection after one response. */
async function spoken(echo: EchoServer): Promise<Socket> {
  const socket = await silent(echo);
  const body = '{"message":"hi"}';
  const head = "POST /echo.v1.EchoService/Echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
  socket.write(`${head}content-length: ${body.length}\r\n\r\n${body}`);
  await once(socket, "data");
  return socket;
}

function call({ url }: EchoServer): Promise<Response> {
  return fetch(`${url}/echo.v1.EchoService/Echo`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: '{"message":"hi"}',
  });
}

describe.each([
  ["in all", { connectionsMax: 8 }],
  ["from one address", { connectionsPerAddressMax: 8 }],
])("at the connection limit %s", (_which, limits) => {
  it("a new connection evicts the oldest connection without a request", async () => {
    const echo = await serve(limits);
    const sockets: Socket[] = [];
    for (let index = 0; index < 8; index++) {
      sockets.push(await silent(echo));
    }
    const closed = once(sockets[0] as Socket, "close");
    expect((await call(echo)).status).toBe(200);
    await closed;
    expect(sockets.slice(1).some((socket) => socket.destroyed)).toBe(false);
  });

  it("a flood of connections without requests blocks no caller and evicts no connection with requests", async () => {
    const echo = await serve(limits);
    const good = await spoken(echo);
    for (let index = 0; index < 50; index++) {
      await silent(echo);
    }
    expect((await call(echo)).status).toBe(200);
    expect(good.destroyed).toBe(false);
  });
});

it("evicts an idle connection if all have had requests", async () => {
  const echo = await serve({ connectionsMax: 4 });
  for (let index = 0; index < 4; index++) {
    await spoken(echo);
  }
  expect((await call(echo)).status).toBe(200);
});

it("refuses and counts a connection of an address at its limit if all have had requests", async () => {
  const echo = await serve({ connectionsPerAddressMax: 2 });
  await spoken(echo);
  await spoken(echo);
  const refused = await silent(echo);
  await once(refused, "close");
  const metrics = await echo.environment.metrics.metrics();
  expect(metrics).toContain('parley_server_connections_refused_total{limit="connections_per_address_max"} 1');
});

it("closes and counts connections of an address above its rate limit, and serves another address", async () => {
  const echo = await serve({ connectionsPerAddressPerSecondMax: 1 });
  let closed = 0;
  for (let index = 0; index < 200; index++) {
    const socket = connect({ port: echo.server.port, host: "127.0.0.1", localAddress: "127.0.0.9" });
    opened.sockets.push(socket);
    socket.on("error", () => {}).on("close", () => closed++);
  }
  await expect.poll(() => closed, { timeout: 20_000 }).toBeGreaterThan(50);
  // A burst of one, plus one per second.
  expect(closed).toBeLessThanOrEqual(199);
  expect((await call(echo)).status).toBe(200);
  const metrics = await echo.environment.metrics.metrics();
  expect(metrics).toMatch(/connections_refused_total\{limit="connections_per_address_per_second_max"\} \d/);
});

it("asks before Node creates a socket", async () => {
  const asked: string[] = [];
  const blockList = newConnectionCheck((address) => {
    asked.push(address);
    return asked.length === 1;
  });
  let created = 0;
  const server = createServer({ blockList }, () => created++);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const refused = connect(port, "127.0.0.1").resume();
  await once(refused, "close");
  expect(created).toBe(0);
  const admitted = connect(port, "127.0.0.1");
  await expect.poll(() => created).toBe(1);
  admitted.destroy();
  server.close();
  expect(asked).toEqual(["127.0.0.1", "127.0.0.1"]);
});
