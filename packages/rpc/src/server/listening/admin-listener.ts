import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Recorder } from "../../telemetry/recorder/recorder.ts";
import { traceAnswer } from "../../telemetry/recorder/trace-route.ts";
import type { Health } from "../standard/health.ts";
import type { ReadMetricsPage } from "./metrics-page.ts";

export interface AdminListenerOptions {
  readonly health: Health;
  readonly metricsPage: ReadMetricsPage;
  readonly recorder: Recorder | undefined;
}

/** A port for operators: metrics, traces and health over HTTP/1.1, without TLS and authentication. */
export interface AdminListener {
  listen(port: number, host: string): Promise<AddressInfo>;
  close(): void;
}

/** Enough for Prometheus, a probe and a few operators. */
const connectionsMax = 64;
const requestTimeoutMs = 5_000;

/** Serves `GET /metrics`, `GET /traces/{traceId}` and `GET /health`. */
export function createAdminListener(options: AdminListenerOptions): AdminListener {
  const server = createServer(
    { headersTimeout: requestTimeoutMs, requestTimeout: requestTimeoutMs, maxHeaderSize: 8_192 },
    (request, response) => {
      answer(request, response, options).catch(() => response.destroy());
    },
  );
  server.maxConnections = connectionsMax;
  server.timeout = requestTimeoutMs * 2;
  return {
    listen: (port, host) => listen(server, port, host),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(
  { method, url = "/", headers }: IncomingMessage,
  response: ServerResponse,
  { health, metricsPage, recorder }: AdminListenerOptions,
): Promise<void> {
  const [path = "/"] = url.split("?");
  if (method !== "GET" && method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
  } else if (path === "/metrics") {
    const { contentType, text } = await metricsPage(headers.accept);
    response.writeHead(200, { "content-type": contentType }).end(text);
  } else if (path === "/health") {
    const report = health.report();
    sendJson(response, report.status === "SERVING" ? 200 : 503, report);
  } else if (path.startsWith("/traces/") && recorder !== undefined) {
    const { status, body } = traceAnswer(recorder, path.slice("/traces/".length));
    sendJson(response, status, body);
  } else {
    sendJson(response, 404, { message: "The admin port serves /metrics, /health and /traces/{traceId}." });
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response
    .writeHead(status, { "content-type": "application/json", "cache-control": "no-store" })
    .end(JSON.stringify(body));
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host }, () => {
      server.off("error", reject);
      server.unref();
      resolve(server.address() as AddressInfo);
    });
  });
}
