import { create, toBinary } from "@bufbuild/protobuf";
import { echo, encodeJson } from "./contract.ts";

/** One server in a comparison. */
export interface Contender {
  readonly name: string;
  /** The file in `contenders/`. */
  readonly file: string;
  readonly args?: readonly string[];
  /** The largest payload that its contract allows. */
  readonly payloadMax?: number;
}

/** The minimum ratio of a contender's rate to another's. */
export interface Bar {
  readonly of: string;
  readonly to: string;
  readonly atLeast: number;
  /** For texts of this length. */
  readonly payload: number;
}

/** A scenario for comparing servers. */
export interface Scenario {
  readonly name: string;
  readonly contentType: string;
  readonly httpVersion: 1 | 2;
  readonly contenders: readonly Contender[];
  /** Parley's limits. */
  readonly bars: readonly Bar[];
  body(payload: number): Buffer;
}

const parley = { name: "parley", file: "parley.ts" };
const parleyFull = { name: "parley, everything on", file: "parley.ts", args: ["full"], payloadMax: 4096 };

/** The lengths of the echoed text. 158 characters give a message of 161 bytes. */
export const payloads: readonly number[] = [0, 158, 4096, 65_536];

export const scenarios: readonly Scenario[] = [
  {
    name: "gRPC",
    contentType: "application/grpc+proto",
    httpVersion: 2,
    contenders: [
      parley,
      parleyFull,
      { name: "grpc-js", file: "grpc-js.ts" },
      { name: "raw node:http2", file: "raw-http2.ts" },
      { name: "connect-node", file: "connect-node.ts" },
      { name: "connect-fastify", file: "connect-fastify.ts" },
    ],
    bars: [
      { of: "parley", to: "grpc-js", atLeast: 1.25, payload: 158 },
      { of: "parley, everything on", to: "grpc-js", atLeast: 1, payload: 158 },
      { of: "parley", to: "raw node:http2", atLeast: 0.7, payload: 158 },
      { of: "parley", to: "grpc-js", atLeast: 1, payload: 65_536 },
    ],
    body: (payload) => enveloped(payload),
  },
  {
    name: "Connect JSON over HTTP/1.1",
    contentType: "application/json",
    httpVersion: 1,
    contenders: [
      parley,
      parleyFull,
      { name: "raw node:http", file: "raw-http1.ts" },
      { name: "connect-node", file: "connect-node.ts", args: ["1"] },
      { name: "connect-fastify", file: "connect-fastify.ts", args: ["1"] },
    ],
    bars: [{ of: "parley", to: "raw node:http", atLeast: 0.75, payload: 158 }],
    body: (payload) => Buffer.from(encodeJson("x".repeat(payload))),
  },
  {
    name: "gRPC-Web over HTTP/2",
    contentType: "application/grpc-web+proto",
    httpVersion: 2,
    contenders: [
      parley,
      parleyFull,
      { name: "raw node:http2", file: "raw-http2.ts" },
      { name: "connect-node", file: "connect-node.ts" },
      { name: "connect-fastify", file: "connect-fastify.ts" },
    ],
    bars: [],
    body: (payload) => enveloped(payload),
  },
];

function enveloped(payload: number): Buffer {
  const message = toBinary(echo.input, create(echo.input, { message: "x".repeat(payload) }));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
