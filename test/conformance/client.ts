import { setTimeout as wait } from "node:timers/promises";
import { create, type DescMethod, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { type CallOptions, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { systemEnvironment } from "@parley/rpc";
import { ConnectionPool, createWireTransport } from "@parley/rpc/client";
import {
  type ClientRequest,
  type ClientResult,
  type Contract,
  codecs,
  compressions,
  type ErrorMessage,
  type HeaderMessage,
  loadContract,
  type Payload,
  protocols,
} from "./contract.ts";
import { readDelimited, writeDelimited } from "./delimited.ts";

/** The maximum number of concurrent calls. */
const callsMax = 16;

/** The client under test: reads the calls to make, makes them, and reports their results. */
async function main(): Promise<void> {
  const contract = await loadContract();
  const inFlight = new Set<Promise<void>>();
  for await (const bytes of readDelimited(process.stdin)) {
    const wanted = fromBinary(contract.message("ClientCompatRequest"), bytes) as unknown as ClientRequest;
    const call = callAndReport(contract, wanted).finally(() => inFlight.delete(call));
    inFlight.add(call);
    if (inFlight.size >= callsMax) {
      await Promise.race(inFlight);
    }
  }
  await Promise.all(inFlight);
  process.exit(0);
}

async function callAndReport(contract: Contract, wanted: ClientRequest): Promise<void> {
  const environment = systemEnvironment({ name: "conformance", logLevel: "silent", logFormat: "json" });
  const pool = new ConnectionPool(environment);
  const schema = contract.message("ClientCompatResponse");
  let result: { case: "response"; value: ClientResult } | { case: "error"; value: { message: string } };
  try {
    const transport = makeTransport(contract, wanted, { environment, pool });
    result = { case: "response", value: await makeCall(contract, wanted, transport) };
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    result = { case: "error", value: { message } };
  }
  pool.close();
  writeDelimited(process.stdout, toBinary(schema, create(schema, { testName: wanted.testName, result } as never)));
}

interface World {
  readonly environment: ReturnType<typeof systemEnvironment>;
  readonly pool: ConnectionPool;
}

function makeTransport({ registry }: Contract, wanted: ClientRequest, { environment, pool }: World): Transport {
  const { serverTlsCert, clientTlsCreds, host, port } = wanted;
  const secure = serverTlsCert.length > 0;
  const gzip = compressions[wanted.compression] === "gzip";
  const tls = {
    ca: Buffer.from(serverTlsCert),
    ...(clientTlsCreds === undefined
      ? {}
      : { cert: Buffer.from(clientTlsCreds.cert), key: Buffer.from(clientTlsCreds.key) }),
  };
  const channel = pool.channel(`${secure ? "https" : "http"}://${host}:${port}`, {
    http2: process.env.HTTP2_IMPLEMENTATION === "node" ? "node" : "own",
    ...(secure ? { tls } : {}),
  });
  return createWireTransport(channel, environment.clock, {
    protocol: protocols[wanted.protocol] || "grpc",
    httpVersion: wanted.httpVersion === 1 ? "1.1" : "2",
    codec: codecs[wanted.codec] || "proto",
    acceptGzip: gzip,
    sendGzip: gzip,
    gzipBytesMin: 0,
    useGet: wanted.useGetHttpMethod,
    stockStreams: process.env.PARLEY_CLIENT_STREAMS === "stock",
    registry,
    ...(wanted.messageReceiveLimit === 0 ? {} : { readBytesMax: wanted.messageReceiveLimit }),
    ...(secure ? { tls } : {}),
  });
}

/** The state of a call in flight. */
class CallRecord {
  readonly result: ClientResult = { responseHeaders: [], payloads: [], responseTrailers: [], numUnsentRequests: 0 };
  readonly #controller = new AbortController();
  readonly #cancel: ClientRequest["cancel"];

  constructor({ cancel }: ClientRequest) {
    this.#cancel = cancel;
    if (cancel?.cancelTiming.case === "afterNumResponses" && cancel.cancelTiming.value === 0) {
      this.#controller.abort();
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async closeSend(): Promise<void> {
    const timing = this.#cancel?.cancelTiming;
    if (timing?.case === "beforeCloseSend") {
      // Waits until the request so far has been sent.
      await wait(1);
      this.#controller.abort();
    } else if (timing?.case === "afterCloseSendMs") {
      setTimeout(() => this.#controller.abort(), timing.value);
    }
  }

  receive(payload: Payload | undefined): void {
    this.result.payloads.push(payload ?? {});
    const timing = this.#cancel?.cancelTiming;
    if (timing?.case === "afterNumResponses" && timing.value === this.result.payloads.length) {
      this.#controller.abort();
    }
  }
}

async function makeCall(contract: Contract, wanted: ClientRequest, transport: Transport): Promise<ClientResult> {
  const method = contract.service.methods.find(({ name }) => name === wanted.method);
  if (method === undefined) {
    throw new Error(`the contract knows no method ${wanted.method}`);
  }
  const record = new CallRecord(wanted);
  const { result } = record;
  try {
    const parts = { contract, wanted, transport, record, method };
    if (method.methodKind === "unary") {
      await unary(parts);
    } else if (method.methodKind === "client_streaming") {
      await single(parts, requests(parts, new Turns(false)));
    } else {
      await stream(parts);
    }
  } catch (reason) {
    const error = ConnectError.from(reason);
    result.error = toMessage(contract, error);
    if (result.responseTrailers.length === 0) {
      result.responseTrailers = toMessages(error.metadata);
    }
  }
  return result;
}

interface CallParts {
  readonly contract: Contract;
  readonly wanted: ClientRequest;
  readonly transport: Transport;
  readonly record: CallRecord;
  readonly method: DescMethod;
}

async function single({ contract, wanted, transport, record, method }: CallParts, input: unknown): Promise<void> {
  const { result } = record;
  const client = createClient(contract.service, transport) as unknown as Record<string, SingleCall>;
  const response = await client[method.localName]?.(input, {
    signal: record.signal,
    headers: toHeaders(wanted.requestHeaders),
    ...(wanted.timeoutMs === undefined ? {} : { timeoutMs: wanted.timeoutMs }),
    onHeader: (header) => {
      result.responseHeaders = toMessages(header);
    },
    onTrailer: (trailer) => {
      result.responseTrailers = toMessages(trailer);
    },
  });
  record.receive(response?.payload);
}

type SingleCall = (input: unknown, options: CallOptions) => Promise<{ readonly payload?: Payload }>;

async function unary(parts: CallParts): Promise<void> {
  const [request] = parts.wanted.requestMessages;
  await parts.record.closeSend();
  await single(parts, request === undefined ? {} : unpack(parts.contract, request));
}

async function stream(parts: CallParts): Promise<void> {
  const { wanted, transport, record, method } = parts;
  const turns = new Turns(wanted.streamType === fullDuplex);
  const response = await transport.stream(
    method as never,
    record.signal,
    wanted.timeoutMs,
    toHeaders(wanted.requestHeaders),
    requests(parts, turns) as never,
  );
  record.result.responseHeaders = toMessages(response.header);
  try {
    for await (const message of response.message) {
      record.receive((message as { payload?: Payload }).payload);
      turns.received();
    }
  } catch (error) {
    record.result.responseTrailers = toMessages(response.trailer);
    throw error;
  } finally {
    turns.end();
  }
  record.result.responseTrailers = toMessages(response.trailer);
}

/** The value of `STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM`. */
const fullDuplex = 5;

async function* requests({ contract, wanted, record }: CallParts, turns: Turns): AsyncGenerator<Message> {
  let sent = 0;
  try {
    for (const request of wanted.requestMessages) {
      await wait(wanted.requestDelayMs);
      yield unpack(contract, request);
      sent++;
      await turns.mayGoOn(sent);
    }
    await record.closeSend();
  } finally {
    record.result.numUnsentRequests = wanted.requestMessages.length - sent;
  }
}

/** A full-duplex call sends a request only after the response to the previous one. */
class Turns {
  readonly #takeTurns: boolean;
  #received = 0;
  #ended = false;
  #wake: () => void = () => {};

  constructor(takeTurns: boolean) {
    this.#takeTurns = takeTurns;
  }

  received(): void {
    this.#received++;
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async mayGoOn(sent: number): Promise<void> {
    while (this.#takeTurns && this.#received < sent && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function unpack(contract: Contract, any: Any): Message {
  const message = anyUnpack(any, contract.registry);
  if (message === undefined) {
    throw new Error(`the contract does not know ${any.typeUrl}`);
  }
  return message;
}

function toHeaders(messages: readonly HeaderMessage[]): Headers {
  const headers = new Headers();
  for (const { name, value } of messages) {
    for (const each of value) {
      headers.append(name, each);
    }
  }
  return headers;
}

function toMessages(headers: Headers): HeaderMessage[] {
  return Array.from(headers, ([name, value]) => ({ name, value: value.split(", ") }));
}

function toMessage(contract: Contract, error: ConnectError): ErrorMessage {
  const details = error.details.map((detail) => {
    if ("desc" in detail) {
      return anyPack(detail.desc, create(detail.desc, detail.value));
    }
    const desc = contract.registry.getMessage(detail.type);
    return desc === undefined
      ? ({
          $typeName: "google.protobuf.Any",
          typeUrl: `type.googleapis.com/${detail.type}`,
          value: detail.value,
        } as Any)
      : anyPack(desc, fromBinary(desc, detail.value));
  });
  return { code: error.code ?? Code.Unknown, message: error.rawMessage, details };
}

process.once("SIGTERM", () => process.exit(0));
await main();
