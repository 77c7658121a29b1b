import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { freePorts } from "../testing/run-fake-parley.ts";
import { findPortUse } from "./find-port-use.ts";
import { portUseInWords } from "./port-use.ts";
import { findTakenPorts, listenError } from "./ports.ts";
import { socketOf as lsofSocketOf } from "./use-by-lsof.ts";
import { programOf, socketOf as windowsSocketOf } from "./use-on-windows.ts";
import { killCommand } from "./ways-out.ts";

const open: { destroy?: () => void; close?: () => void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) {
    one.destroy?.();
    one.close?.();
  }
});

async function listening(port = 0): Promise<number> {
  const server = createServer((socket) => socket.on("error", () => {})).listen(port, "127.0.0.1");
  open.push(server);
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A connection whose local port is this one. */
async function connectedFrom(port: number, to: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: to, localAddress: "127.0.0.1", localPort: port });
  open.push(socket);
  await once(socket, "connect");
  return socket;
}

const service = (port: number) => ({ name: "user", port, main: "", contracts: [], calls: [], database: false });
const where = { host: "127.0.0.1", portOffset: 0 };

describe.runIf(process.platform === "linux")("the use of a port", () => {
  it("is a listening process, with its id and command", async () => {
    const use = await findPortUse(await listening());
    expect(use).toMatchObject({ kind: "listening", owner: { pid: process.pid } });
    expect(portUseInWords(use)).toMatch(new RegExp(`^process ${process.pid} \\(.+\\) listens on it$`));
  });

  it("is a process with a connection from it", async () => {
    const [port = 0] = await freePorts(1);
    await connectedFrom(port, await listening());
    const use = await findPortUse(port);
    expect(use).toMatchObject({ kind: "connected", owner: { pid: process.pid } });
    expect(portUseInWords(use)).toContain("has a connection from it");
  });

  it("is a connection to itself, which a dial to a closed port can create", async () => {
    const [port = 0] = await freePorts(1);
    await connectedFrom(port, port);
    expect(await findPortUse(port)).toMatchObject({ kind: "connected", owner: { pid: process.pid } });
  });

  it("is none for a free port", async () => {
    const [port = 0] = await freePorts(1);
    expect(await findPortUse(port)).toEqual({ kind: "none" });
    expect(portUseInWords({ kind: "none" })).toContain("only for a moment");
  });
});

describe("a port in use", () => {
  it("is one that a process listens on, and is reported at once", async () => {
    const port = await listening();
    expect(await findTakenPorts([service(port)], where)).toMatchObject([{ port, code: "EADDRINUSE" }]);
  });

  it.runIf(process.platform === "linux")("is not one that a connection uses for a moment", async () => {
    const socket = connect({ host: "127.0.0.1", port: await listening() });
    await once(socket, "connect");
    const port = socket.localPort ?? 0;
    expect(await listenError(port, "127.0.0.1")).toBe("EADDRINUSE");
    const taken = findTakenPorts([service(port)], where);
    setTimeout(() => socket.resetAndDestroy(), 300);
    expect(await taken).toEqual([]);
  });

  it("has the system's code for a wrong address", async () => {
    const [port = 0] = await freePorts(1);
    const taken = await findTakenPorts([service(port)], { host: "192.0.2.1", portOffset: 0 });
    expect(taken).toMatchObject([{ port, code: "EADDRNOTAVAIL" }]);
  });
});

describe("Windows", () => {
  // Output of `netstat -ano` on German Windows: the states are translated.
  const netstat = [
    "Aktive Verbindungen",
    "",
    "  Proto  Lokale Adresse         Remoteadresse          Status           PID",
    "  TCP    0.0.0.0:135            0.0.0.0:0              ABHÖREN          1044",
    "  TCP    127.0.0.1:50051        127.0.0.1:49720        HERGESTELLT      4711",
    "  TCP    127.0.0.1:50051        0.0.0.0:0              ABHÖREN          4711",
    "  TCP    127.0.0.1:50052        127.0.0.1:50052        HERGESTELLT      815",
    "  TCP    127.0.0.1:50053        127.0.0.1:50061        WARTEND          0",
    "  TCP    [::1]:50054            [::]:0                 ABHÖREN          99",
    "  UDP    0.0.0.0:50055          *:*                                     7",
  ].join("\r\n");

  it.each([
    [50051, { kind: "listening", pid: 4711 }],
    [50052, { kind: "connected", pid: 815 }],
    [50053, undefined],
    [50054, { kind: "listening", pid: 99 }],
    [50055, undefined],
    [5005, undefined],
  ])("finds the use of port %i by netstat", (port, use) => {
    expect(windowsSocketOf(port, netstat)).toEqual(use);
  });

  it("finds a process's program by tasklist", () => {
    expect(programOf('"node.exe","4711","Console","1","61,284 K"\r\n')).toBe("node.exe");
    expect(programOf("INFO: No tasks are running which match the specified criteria.\r\n")).toBe("");
  });

  it("ends processes with taskkill", () => {
    expect(killCommand([1, 2], "win32")).toBe("taskkill /PID 1 /PID 2 /F");
    expect(killCommand([1, 2], "linux")).toBe("kill 1 2");
  });
});

describe("macOS", () => {
  const lsof =
    "p4711\nf20\nn127.0.0.1:50051\nTST=LISTEN\np815\nf9\nn127.0.0.1:50052->127.0.0.1:50051\nTST=ESTABLISHED\n";

  it.each([
    [50051, { kind: "listening", pid: 4711 }],
    [50052, { kind: "connected", pid: 815 }],
    [50053, undefined],
  ])("finds the use of port %i by lsof", (port, use) => {
    expect(lsofSocketOf(port, lsof)).toEqual(use);
  });
});
