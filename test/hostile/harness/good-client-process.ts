// The good client: a steady 50 calls a second, half of them on one persistent HTTP/2 connection, half on new HTTP/1.1 connections,
// with an occasional health check. It is open-loop: it sends on schedule whether or not earlier calls have ended.
import { request as requestHttp } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { request as requestHttps } from "node:https";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { envelope, lengthDelimited, varintField } from "../wire/protobuf.ts";
import type { GoodLoad, GoodResult } from "./good-client.ts";
import { mainThreadDelayMs } from "./process-probe.ts";

const intervalMs = 20;
/** One in this many calls is a health check. */
const healthEvery = 10;
/**
 * At a service, the persistent connection comes from the attacker's own address: services distinguish callers by connection. At
 * the gateway, which limits each address, it comes from another address. New connections always come from another address.
 */
const [ownAddress, otherAddress] = ["127.0.0.2", "127.0.0.3"];

interface Outcome {
  readonly wallMs: number;
  /** Minus the longest time for which one of the processes waited for a core. */
  readonly ownMs: number;
  readonly error: string | undefined;
}

/** Errors that only mean that a deadline has passed. */
const lateError = /no answer|grpc-status 4|: 504/;
/** A call that had a core for less than this share of its time was late because of the machine. */
const ownShareMin = 0.5;

type Run = ReturnType<typeof begin>;
let run: Run | undefined;

process.on("message", async (message: { readonly start?: GoodLoad; readonly stop?: true }) => {
  if (message.start !== undefined) {
    run = begin(message.start);
    await run.warm;
    process.send?.({});
  } else if (run !== undefined) {
    process.send?.(await run.end());
    run = undefined;
  }
});
process.on("disconnect", () => process.exit());

function begin(load: GoodLoad) {
  const outcomes: Outcome[] = [];
  const inFlight = new Set<Promise<void>>();
  const kept = new KeptConnection(load);
  let calls = 0;
  let timer: NodeJS.Timeout | undefined;

  function call() {
    calls++;
    const startMs = performance.now();
    const startDelaysMs = delaysMs(load.pids);
    const made =
      calls % healthEvery === 0
        ? freshCall(load, healthRequest)
        : calls % 2 === 0
          ? kept.call()
          : freshCall(load, jsonRequest(load));
    const done = made.then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    const counted = done.then((error) => {
      const wallMs = performance.now() - startMs;
      const delayMs = Math.max(...delaysMs(load.pids).map((now, index) => now - (startDelaysMs[index] ?? now)));
      const ownMs = Math.max(0, wallMs - delayMs);
      outcomes.push({ wallMs, ownMs, error });
      inFlight.delete(counted);
    });
    inFlight.add(counted);
  }

  // The first calls open connections and warm up both sides; they are not counted.
  const warm = Promise.allSettled([kept.call(), freshCall(load, jsonRequest(load))]).then(() => {
    timer = setInterval(call, intervalMs);
  });
  return {
    warm,
    async end(): Promise<GoodResult> {
      clearInterval(timer);
      await Promise.all(inFlight);
      kept.close();
      return summary(outcomes);
    },
  };
}

function summary(outcomes: readonly Outcome[]): GoodResult {
  const texts = new Map<string, number>();
  for (const { error } of outcomes) {
    if (error !== undefined) texts.set(error, (texts.get(error) ?? 0) + 1);
  }
  const wall = outcomes.map(({ wallMs }) => wallMs).sort((a, b) => a - b);
  const own = outcomes.map(({ ownMs }) => ownMs).sort((a, b) => a - b);
  return {
    calls: outcomes.length,
    errors: outcomes.filter(({ error }) => error !== undefined).length,
    p50Ms: quantile(wall, 0.5),
    p99Ms: quantile(wall, 0.99),
    maxMs: wall.at(-1) ?? 0,
    p99OwnMs: quantile(own, 0.99),
    errorsByMachine: outcomes.filter(
      ({ wallMs, ownMs, error }) => error !== undefined && lateError.test(error) && ownMs < wallMs * ownShareMin,
    ).length,
    errorTexts: [...texts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 3)
      .map(([text, count]) => `${count} × ${text}`),
  };
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** How long each event loop on the call's path, this one included, was ready to run without a core. */
function delaysMs(pids: readonly number[]): readonly number[] {
  return [process.pid, ...pids].map(mainThreadDelayMs);
}

interface JsonRequest {
  readonly path: string;
  readonly body: object;
}

const healthRequest: JsonRequest = { path: "/grpc.health.v1.Health/Check", body: {} };

function jsonRequest({ victim, userId, productId }: GoodLoad): JsonRequest {
  switch (victim) {
    case "user":
      return { path: "/user.v1.UserService/GetUser", body: { userId } };
    case "order":
      return { path: "/order.v1.OrderService/ListOrders", body: { userId, pageSize: 1 } };
    default:
      return { path: "/product.v1.ProductService/GetProduct", body: { productId } };
  }
}

function binaryRequest({ victim, userId, productId }: GoodLoad): Buffer {
  if (victim === "product") return lengthDelimited(1, productId);
  return victim === "user"
    ? lengthDelimited(1, userId)
    : Buffer.concat([lengthDelimited(1, userId), varintField(3, 1)]);
}

function freshCall({ url, token, deadlineMs }: GoodLoad, { path, body }: JsonRequest): Promise<void> {
  const { hostname, port, protocol } = new URL(url);
  return new Promise((resolve, reject) => {
    const made = (protocol === "https:" ? requestHttps : requestHttp)({
      rejectUnauthorized: false,
      host: hostname,
      port,
      path,
      method: "POST",
      agent: false,
      localAddress: otherAddress,
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    });
    const timer = setTimeout(() => {
      made.destroy();
      reject(new Error(`new connection: no answer in ${deadlineMs} ms`));
    }, deadlineMs);
    made.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(new Error(`new connection: ${error.code ?? error.message}`));
    });
    made.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("close", () => {
        clearTimeout(timer);
        if (response.statusCode === 200) resolve();
        else reject(new Error(`new connection: ${response.statusCode} ${text.slice(0, 120)}`));
      });
    });
    made.end(JSON.stringify(body));
  });
}

/** One HTTP/2 connection for all its calls. It is replaced when it closes, which fails the calls on it. */
class KeptConnection {
  readonly #load: GoodLoad;
  #session: ClientHttp2Session | undefined;

  constructor(load: GoodLoad) {
    this.#load = load;
  }

  call(): Promise<void> {
    const { token, deadlineMs } = this.#load;
    return new Promise((resolve, reject) => {
      const stream = this.#open().request({
        ":method": "POST",
        ":path": jsonRequest(this.#load).path,
        "content-type": "application/grpc",
        te: "trailers",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      });
      const timer = setTimeout(() => {
        stream.close();
        reject(new Error(`kept connection: no answer in ${deadlineMs} ms`));
      }, deadlineMs);
      let status: unknown;
      let message: unknown;
      stream.on("response", (headers) => {
        status = headers["grpc-status"];
        message = headers["grpc-message"];
      });
      stream.on("trailers", (trailers) => {
        status = trailers["grpc-status"];
        message = trailers["grpc-message"];
      });
      stream.on("error", () => {});
      stream.on("close", () => {
        clearTimeout(timer);
        if (status === "0") resolve();
        else
          reject(
            new Error(
              `kept connection: ${status === undefined ? `reset ${stream.rstCode}` : `grpc-status ${status} ${message}`}`,
            ),
          );
      });
      stream.resume();
      stream.end(envelope(binaryRequest(this.#load)));
    });
  }

  close(): void {
    this.#session?.destroy();
  }

  #open(): ClientHttp2Session {
    const now = this.#session;
    if (now !== undefined && !now.closed && !now.destroyed) return now;
    const { url, kind } = this.#load;
    const { hostname, port, protocol } = new URL(url);
    const address = { host: hostname, port: Number(port), ...(kind === "gateway" ? { localAddress: ownAddress } : {}) };
    const session = connect(url, {
      createConnection: () =>
        protocol === "https:"
          ? connectTls({ ...address, ALPNProtocols: ["h2"], rejectUnauthorized: false })
          : connectTcp(address),
    });
    session.on("error", () => {});
    this.#session = session;
    return session;
  }
}
