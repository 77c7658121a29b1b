import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:https";
import { type AddressInfo, createServer, connect as netConnect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { connect as tlsConnect } from "node:tls";
import { Code, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createServiceClient } from "../client/service-client.ts";
import { systemEnvironment } from "../environment/system-environment.ts";
import { type EchoServer, serveEcho } from "./echo-fixture.ts";

const quiet = systemEnvironment({ name: "client", logLevel: "silent" });

const hasOpenssl = (() => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

describe.runIf(hasOpenssl)("a server with a certificate", () => {
  let folder: string;
  let echo: EchoServer;
  const file = (name: string) => join(folder, name);
  const read = (name: string) => readFileSync(file(name));

  function openssl(...parameters: string[]): void {
    execFileSync("openssl", parameters, { cwd: folder, stdio: "ignore" });
  }

  function certificate(name: string, subject: string, authority: string): void {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    openssl(
      "req",
      "-x509",
      ...key,
      "-keyout",
      `${authority}.key`,
      "-out",
      `${authority}.pem`,
      "-subj",
      "/CN=test",
      "-days",
      "2",
    );
    openssl(
      "req",
      ...key,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.csr`,
      "-subj",
      subject,
      "-addext",
      "subjectAltName=IP:127.0.0.1",
    );
    const signer = [
      "-CA",
      `${authority}.pem`,
      "-CAkey",
      `${authority}.key`,
      "-CAcreateserial",
      "-copy_extensions",
      "copy",
    ];
    openssl("x509", "-req", "-in", `${name}.csr`, ...signer, "-out", `${name}.pem`, "-days", "2");
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "parley-tls-"));
    certificate("server", "/CN=127.0.0.1", "server-authority");
    certificate("client", "/CN=order", "client-authority");
    certificate("stranger", "/CN=order", "other-authority");
    echo = await serveEcho({
      config: {
        drainNoticeMs: 0,
        tls: { certFile: file("server.pem"), keyFile: file("server.key"), caFile: file("client-authority.pem") },
      },
    });
  });
  afterAll(async () => {
    await echo.server.close();
    rmSync(folder, { recursive: true });
  });

  it("handles the next requests while the client has not read the previous response", async () => {
    const generous = await serveEcho({
      config: { drainNoticeMs: 0, tls: { certFile: file("server.pem"), keyFile: file("server.key") } },
      echo: async ({ message }) => ({ message: message === "large" ? "x".repeat(4_000_000) : message }),
    });
    const socket = tlsConnect({
      ...{ port: generous.server.port, host: "127.0.0.1", ca: read("server-authority.pem") },
      ALPNProtocols: ["http/1.1"],
    });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    const chunks: Buffer[] = [];
    const answered = new Promise<void>((resolve) => {
      socket.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (chunk.includes('"last"')) {
          resolve();
        }
      });
      socket.on("close", () => resolve());
    });
    // The client reads nothing until it has sent everything, head and body each in a separate TLS record.
    socket.pause();
    const ask = (body: string) => {
      socket.write(
        `POST /${EchoService.typeName}/Echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
      );
      socket.write(body);
    };
    for (let round = 0; round < 8; round++) {
      ask('{"message":"large"}');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (let round = 0; round < 50; round++) {
      ask('{"message":"small"}');
    }
    ask('{"message":"last"}');
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.resume();
    await answered;
    expect(
      Buffer.concat(chunks)
        .toString("latin1")
        .match(/HTTP\/1\.1 200/g),
    ).toHaveLength(59);
    socket.destroy();
    await generous.server.close();
  });

  it("explains the mistake to clients without TLS, and so does the client's error", async () => {
    const host = `127.0.0.1:${echo.server.port}`;
    const answer = await fetch(`http://${host}/${EchoService.typeName}/Echo`);
    expect([answer.status, await answer.text()]).toEqual([
      400,
      `This port speaks TLS. Use https://${host}/${EchoService.typeName}/Echo.\n`,
    ]);
    const client = createServiceClient(EchoService, `http://${host}`, { environment: quiet });
    await expect(client.echo({ message: "x" })).rejects.toMatchObject({
      code: Code.Unavailable,
      rawMessage: expect.stringContaining("Does the URL's scheme fit the port: https:// for TLS, http:// without?"),
    });
    expect(echo.lines().filter(({ msg }) => /HTTP without TLS to a port with TLS/.test(String(msg)))).toHaveLength(1);
  });

  it("explains TLS on a port without it, and names an untrusted certificate", async () => {
    const plain = await serveEcho({ config: { drainNoticeMs: 0 } });
    const toPlain = createServiceClient(EchoService, plain.url.replace("http:", "https:"), { environment: quiet });
    await expect(toPlain.echo({ message: "x" })).rejects.toMatchObject({
      code: Code.Unavailable,
      rawMessage: expect.stringContaining(
        "the server did not answer in TLS. Use an http:// URL if this port has no TLS",
      ),
    });
    expect(plain.lines().filter(({ msg }) => /TLS handshake on a port without TLS/.test(String(msg)))).toHaveLength(1);
    await plain.server.close();
    const stranger = createServiceClient(EchoService, echo.url, { environment: quiet });
    await expect(stranger.echo({ message: "x" })).rejects.toMatchObject({
      rawMessage: expect.stringContaining("not signed by an authority that this client trusts"),
    });
  });

  it("serves a client whose ClientHello arrives in pieces", async () => {
    // Forwards in pieces of 50 bytes, each in a packet of its own.
    const proxy = createServer((client) => {
      const server = netConnect({ port: echo.server.port, host: "127.0.0.1", noDelay: true });
      let sent = Promise.resolve();
      client.on("data", (bytes: Buffer) => {
        for (let at = 0; at < bytes.length; at += 50) {
          sent = sent.then(async () => {
            server.write(bytes.subarray(at, at + 50));
            await wait(3);
          });
        }
      });
      server.pipe(client);
      for (const socket of [client, server]) {
        socket.on("error", () => {}).on("close", () => [client, server].map((each) => each.destroy()));
      }
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const baseUrl = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const transport = createConnectTransport({
      baseUrl,
      httpVersion: "1.1",
      nodeOptions: { ca: read("server-authority.pem"), agent: false },
    });
    await expect(createClient(EchoService, transport).echo({ message: "hi" })).resolves.toMatchObject({
      message: "hi",
    });
    proxy.close();
  });

  it.each([
    ["stalls", 10_000],
    ["dribbles", 20],
  ])("closes the connection of a client whose ClientHello %s", async (_how, everyMs) => {
    const strict = await serveEcho({
      config: {
        drainNoticeMs: 0,
        tls: { certFile: file("server.pem"), keyFile: file("server.key") },
        limits: { handshakeTimeoutMs: 300 },
      },
    });
    const socket = netConnect({ port: strict.server.port, host: "127.0.0.1", noDelay: true });
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {});
    socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]));
    const dribble = setInterval(() => socket.write(Buffer.alloc(1)), everyMs);
    const late = wait(5_000, "late", { ref: false });
    expect(await Promise.race([closed, late])).not.toBe("late");
    clearInterval(dribble);
    await strict.server.close();
  });

  it("applies the idle timeout before the first HTTP/1.1 request of a connection", async () => {
    const patient = await serveEcho({
      config: {
        drainNoticeMs: 0,
        tls: { certFile: file("server.pem"), keyFile: file("server.key") },
        limits: { headersTimeoutMs: 100 },
      },
    });
    const options = { port: patient.server.port, host: "127.0.0.1", ca: read("server-authority.pem") };
    const socket = tlsConnect({ ...options, ALPNProtocols: ["http/1.1"] });
    // Node checks the headers timeout at least once a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    socket.write("GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    await new Promise((resolve) => socket.once("close", resolve));
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 200 /);
    await patient.server.close();
  });

  it("serves both HTTP versions, by ALPN", async () => {
    const ca = read("server-authority.pem");
    expect(echo.url).toMatch(/^https:/);
    for (const transport of [
      createGrpcTransport({ baseUrl: echo.url, nodeOptions: { ca } }),
      createConnectTransport({ baseUrl: echo.url, httpVersion: "1.1", nodeOptions: { ca } }),
    ]) {
      await expect(createClient(EchoService, transport).echo({ message: "hi" })).resolves.toMatchObject({
        message: "hi",
      });
    }
  });

  function callWith(name: string): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const identity = { cert: read(`${name}.pem`), key: read(`${name}.key`) };
      const agent = new Agent({ ca: read("server-authority.pem"), ...identity });
      const call = request(`${echo.url}/echo.v1.EchoService/Echo`, {
        method: "POST",
        agent,
        headers: { "content-type": "application/json", "x-request-id": name, connection: "close" },
      });
      call.on("response", (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      call.on("error", reject);
      call.end("{}");
    });
  }

  it("identifies a client by its certificate", async () => {
    await expect(callWith("client")).resolves.toBe(200);
    await expect
      .poll(() => echo.calls().find(({ requestId }) => requestId === "client"))
      .toMatchObject({ peer: "order" });
  });

  it("refuses a client certificate of another CA", async () => {
    await expect(callWith("stranger")).rejects.toThrow();
  });

  it("refuses cleartext", async () => {
    const socket = netConnect(echo.server.port, "127.0.0.1");
    const answer = await new Promise<string>((resolve) => {
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve(text));
      socket.write("GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
    });
    expect(answer).not.toContain("HTTP/1.1 200");
  });
});

describe("a server without a certificate", () => {
  it("closes a connection that starts a TLS handshake", async () => {
    const echo = await serveEcho();
    await expect(fetch(echo.url.replace("http:", "https:"))).rejects.toThrow();
    expect((await fetch(`${echo.url}/health`)).status).toBe(200);
    await echo.server.close();
  });
});
