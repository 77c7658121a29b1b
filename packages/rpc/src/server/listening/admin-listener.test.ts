import { afterEach, describe, expect, it } from "vitest";
import { type EchoOptions, type EchoServer, serveEcho } from "../echo-fixture.ts";
import { createHostCheck } from "../http/host-check.ts";

const opened: EchoServer[] = [];

async function open(options: EchoOptions = {}): Promise<EchoServer> {
  const echo = await serveEcho(options);
  opened.push(echo);
  return echo;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ server }) => server.close()));
});

const admin = { host: "127.0.0.1", port: 0 };

describe("a server with an admin port", () => {
  it("serves metrics, health and traces on it, and no metrics or traces on the service's port", async () => {
    const { url, server } = await open({ config: { admin } });
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    await fetch(`${url}/echo.v1.EchoService/Echo`, {
      method: "POST",
      headers: { "content-type": "application/json", traceparent: `00-${trace}-00f067aa0ba902b7-01` },
      body: "{}",
    });
    const adminUrl = server.adminUrl ?? expect.fail("there is no admin port");
    expect(await (await fetch(`${adminUrl}/metrics`)).text()).toContain("grpc_server_call_started_total");
    expect(await (await fetch(`${adminUrl}/health`)).json()).toMatchObject({ status: "SERVING" });
    expect(await (await fetch(`${adminUrl}/traces/${trace}`)).json()).toMatchObject({ calls: [{ method: "Echo" }] });
    expect((await fetch(`${adminUrl}/traces/nonsense`)).status).toBe(400);
    expect((await fetch(`${adminUrl}/other`)).status).toBe(404);
    expect((await fetch(`${adminUrl}/metrics`, { method: "POST" })).status).toBe(405);
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    expect((await fetch(`${url}/traces/${trace}`)).status).toBe(404);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  it("closes the admin port with the server", async () => {
    const { server } = await open({ config: { admin } });
    await server.close();
    await expect(fetch(`${server.adminUrl}/health`)).rejects.toThrow();
  });
});

describe("the metrics page", () => {
  it.each([
    ["on the server's own port", {}],
    ["on the admin port", { admin }],
  ])("is rendered at most once a second, %s", async (_where, config) => {
    const { url, server, environment } = await open({ config });
    let rendered = 0;
    const { metrics } = environment;
    const render = metrics.metrics.bind(metrics);
    metrics.metrics = () => {
      rendered++;
      return render();
    };
    const where = `${server.adminUrl ?? url}/metrics`;
    const pages = await Promise.all(Array.from({ length: 40 }, async () => (await fetch(where)).text()));
    expect(new Set(pages).size).toBe(1);
    // A slow machine may need more than a second for the forty requests.
    expect(rendered).toBeLessThanOrEqual(3);
  });
});

describe("a server with a host check", () => {
  const hostCheck = createHostCheck({ allowedHosts: ["shop.example"] });

  it.each([
    ["/echo.v1.EchoService/Echo", "POST"],
    ["/health", "GET"],
    ["/metrics", "GET"],
    ["/nothing", "GET"],
  ])("checks the Host header before it handles the request: %s", async (path, method) => {
    const { server } = await open({ config: { hostCheck } });
    const ask = (host: string) => status(server.port, `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`);
    expect(await ask("evil.example")).toBe(421);
    expect(await ask("localhost")).not.toBe(421);
    expect(await ask("shop.example:80")).not.toBe(421);
  });
});

async function status(port: number, head: string): Promise<number> {
  const { connect } = await import("node:net");
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () =>
      socket.write(`${head}connection: close\r\ncontent-length: 0\r\n\r\n`),
    );
    socket.once("data", (bytes: Buffer) => {
      resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(bytes.toString("latin1"))?.[1]));
      socket.destroy();
    });
    socket.once("error", reject);
  });
}
