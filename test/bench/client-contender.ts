import { connect } from "node:http2";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { credentials, Client as GrpcClient } from "@grpc/grpc-js";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import { echoPath, encode } from "./contract.ts";

/** One client in its own process: makes its calls, 64 at a time, and prints their cost. */
const [, , name = "", port = "", count = ""] = process.argv;
const message = "x".repeat(158);
const inFlight = 64;

function makeCall(): () => Promise<unknown> {
  const url = `http://127.0.0.1:${port}`;
  switch (name) {
    case "parley grpc":
    case "parley connect": {
      const environment = systemEnvironment({ name: "bench", logLevel: "silent", logFormat: "json" });
      const protocol = name === "parley grpc" ? "grpc" : "connect";
      const client = createServiceClient(EchoService, url, { environment, protocol });
      return () => client.echo({ message });
    }
    case "grpc-js": {
      const client = new GrpcClient(`127.0.0.1:${port}`, credentials.createInsecure());
      return () =>
        new Promise((resolve, reject) => {
          const options = { deadline: Date.now() + 1_000 };
          const done = (error: Error | null, answer: unknown) => (error === null ? resolve(answer) : reject(error));
          client.makeUnaryRequest(echoPath, encode, decodeMessage, message, options, done);
        });
    }
    case "connect-node grpc": {
      const client = createClient(EchoService, createGrpcTransport({ baseUrl: url }));
      return () => client.echo({ message }, { timeoutMs: 1_000 });
    }
    case "raw node:http2":
      return rawCall(url);
    default:
      throw new Error(`there is no client ${name}`);
  }
}

function decodeMessage(bytes: Buffer): string {
  return bytes.toString("latin1");
}

function rawCall(url: string): () => Promise<unknown> {
  const session = connect(url);
  const payload = encode(message);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length, 1);
  const body = Buffer.concat([head, payload]);
  const headers = { ":method": "POST", ":path": echoPath, "content-type": "application/grpc", te: "trailers" };
  return () =>
    new Promise((resolve, reject) => {
      const stream = session.request(headers);
      stream.on("error", reject);
      stream.on("data", () => {});
      stream.on("end", () => resolve(undefined));
      stream.end(body);
    });
}

const call = makeCall();

async function make(calls: number): Promise<void> {
  let left = calls;
  async function worker() {
    while (left-- > 0) {
      await call();
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker));
}

await make(Math.max(5_000, Number(count) / 4));
const before = process.cpuUsage();
const startMs = performance.now();
await make(Number(count));
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - startMs) / 1000;
console.log(JSON.stringify({ cpu: (user + system) / Number(count), rate: Number(count) / seconds }));
process.exit(0);
