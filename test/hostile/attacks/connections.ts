import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { type Attack, type AttackOptions, type AttackReport, type AttackTarget, pause, scaled } from "../attack.ts";
import { headers, preface, settings } from "../wire/http2-frames.ts";

/** How long connections stay open, in milliseconds at scale 1. */
const openMs = 8_000;
/** The number of connections opened before the event loop yields. */
const batch = 200;

interface Opening {
  readonly url: string;
  readonly count: number;
  readonly signal: AbortSignal;
  /** Sent as soon as a connection is open. */
  readonly first?: Buffer;
  readonly addresses?: number;
}

/** Opens many connections from one source address, or from several. */
async function open({ url, count, signal, first, addresses = 1 }: Opening): Promise<Socket[]> {
  const { hostname, port } = new URL(url);
  const sockets: Socket[] = [];
  for (let index = 0; index < count && !signal.aborted; index++) {
    // From 127.0.1.1, so that the good client's addresses differ.
    const localAddress = addresses === 1 ? undefined : `127.0.1.${1 + (index % addresses)}`;
    const socket = connect({
      host: hostname,
      port: Number(port),
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    socket.on("error", () => {});
    if (first !== undefined) socket.once("connect", () => socket.write(first));
    sockets.push(socket);
    if (index % batch === batch - 1) await pause(15, signal);
  }
  return sockets;
}

function openConnections(count: number, first?: Buffer, addresses = 1) {
  return async ({ urls, tlsUrl }: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> => {
    const total = scaled(count, scale, Math.min(count, 1_500));
    const sockets = await open({
      url: tlsUrl ?? urls.product,
      count: total,
      signal,
      addresses,
      ...(first === undefined ? {} : { first }),
    });
    await pause(openMs * scale, signal);
    const open_ = sockets.filter((socket) => socket.readyState === "open").length;
    for (const each of sockets) each.destroy();
    return { findings: [], note: `${total} opened, ${open_} kept` };
  };
}

/** Sends bytes one by one that never complete a request. */
function dribbled(count: number, text: Buffer, everyMs = 100) {
  return async ({ urls }: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> => {
    const total = scaled(count, scale, 300);
    const sockets = await open({ url: urls.product, count: total, signal, first: text.subarray(0, 1) });
    const endMs = performance.now() + openMs * scale;
    for (let at = 1; performance.now() < endMs && !signal.aborted; at++) {
      const byte = text.subarray(at % text.length, (at % text.length) + 1);
      for (const socket of sockets) if (!socket.destroyed && socket.writable) socket.write(byte);
      await pause(everyMs, signal);
    }
    for (const each of sockets) each.destroy();
    return { findings: [], note: `${total} connections` };
  };
}

/** Opens connections and closes them at once. */
async function churn({ urls }: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> {
  const count = scaled(20_000, scale, 5_000);
  for (let done = 0; done < count && !signal.aborted; done += batch) {
    const sockets = await open({
      url: urls.product,
      count: batch,
      signal,
      first: done % 400 === 0 ? preface : Buffer.from("GET "),
    });
    for (const each of sockets) done % 3 === 0 ? each.resetAndDestroy() : each.destroy();
  }
  return { findings: [], note: `${count} opened and closed` };
}

/** The start of a ClientHello: its record header announces 512 bytes. */
const clientHello = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
/** A whole ClientHello: the server answers it, and waits for the rest of the handshake. */
const wholeHello = await new Promise<Buffer>((resolve) => {
  const wire = new Duplex({ read() {}, write: (bytes: Buffer) => resolve(bytes) });
  connectTls({ socket: wire, ALPNProtocols: ["h2"] }).on("error", () => {});
});
const slowHeader = Buffer.from(`POST /x HTTP/1.1\r\nhost: localhost\r\nx-slow: ${"a".repeat(500)}`);
const http1Head = Buffer.from(
  "POST /product.v1.ProductService/GetProduct HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 30\r\n\r\n",
);
const wrongHost = Buffer.from("GET /health HTTP/1.1\r\nhost: elsewhere.example\r\n\r\n");
const openStream = Buffer.concat([
  preface,
  settings(),
  headers(1, [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/product.v1.ProductService/GetProduct"],
    [":authority", "localhost"],
    ["content-type", "application/json"],
  ]),
]);

export const connections: readonly Attack[] = [
  { name: "connections/silent", timeMaxMs: 40_000, run: openConnections(10_500) },
  { name: "connections/silent-many-addresses", timeMaxMs: 40_000, run: openConnections(10_500, undefined, 200) },
  { name: "connections/half-preface", run: openConnections(3_000, preface.subarray(0, 12)) },
  { name: "connections/preface-only", run: openConnections(3_000, Buffer.concat([preface, settings()])) },
  { name: "connections/half-head", run: openConnections(3_000, Buffer.from("GET / HTTP/1.1\r\nhost: localhost\r\n")) },
  { name: "connections/head-without-body", run: openConnections(2_500, http1Head) },
  { name: "connections/wrong-host", run: openConnections(2_500, wrongHost) },
  { name: "connections/stream-without-body", run: openConnections(2_500, openStream) },
  { name: "connections/dribbled-preface", run: dribbled(1_000, preface) },
  { name: "connections/dribbled-head", run: dribbled(1_000, slowHeader, 40) },
  { name: "connections/churn", run: churn },
  {
    name: "connections/silent-tls",
    kinds: ["service"],
    needsTls: true,
    timeMaxMs: 40_000,
    run: openConnections(10_500),
  },
  {
    name: "connections/stalled-handshakes",
    kinds: ["service"],
    needsTls: true,
    run: openConnections(4_000, clientHello),
  },
  {
    name: "connections/stalled-after-hello",
    kinds: ["service"],
    needsTls: true,
    run: openConnections(4_000, wholeHello),
  },
  { name: "connections/cleartext-at-tls", kinds: ["service"], needsTls: true, run: openConnections(4_000, http1Head) },
];
