import assert from "node:assert/strict";
import { type CallOptions, Code, ConnectError } from "@connectrpc/connect";
import { ConnectionPool, createServiceClient } from "@parley/rpc/client";
import { type CaseName, type CaseResults, sizes, specialStatusMessage } from "./cases.ts";
import type { EchoStatus, InteropContract, OutputRequest, OutputResponse, SimpleResponse } from "./contract.ts";
import { interopEnvironment } from "./environment.ts";
import { Turns } from "./turns.ts";

/** The methods of the TestService with Parley's client. */
interface TestClient {
  emptyCall(request: object, options?: CallOptions): Promise<object>;
  unaryCall(request: object, options?: CallOptions): Promise<SimpleResponse>;
  streamingOutputCall(request: object, options?: CallOptions): AsyncIterable<OutputResponse>;
  streamingInputCall(
    requests: AsyncIterable<object>,
    options?: CallOptions,
  ): Promise<{ readonly aggregatedPayloadSize: number }>;
  fullDuplexCall(requests: AsyncIterable<object>, options?: CallOptions): AsyncIterable<OutputResponse>;
  unimplementedCall(request: object, options?: CallOptions): Promise<object>;
}

interface Target {
  readonly url: string;
  readonly contract: InteropContract;
  readonly soakIterations: number;
}

interface Connected extends Target {
  readonly client: TestClient;
}

/** Runs cases with the client of packages/rpc against a server. */
export async function runClientCases(names: readonly CaseName[], target: Target): Promise<CaseResults> {
  const results = new Map<CaseName, string | undefined>();
  await connected(target, async (client) => {
    for (const name of names) {
      results.set(name, await problemOf(() => cases[name]({ ...target, client })));
    }
  });
  return results;
}

const environment = interopEnvironment();

/** Uses new connections, and closes them afterwards. */
async function connected(target: Target, use: (client: TestClient) => Promise<void>): Promise<void> {
  const pool = new ConnectionPool(environment);
  try {
    const client = createServiceClient(target.contract.testService, target.url, { environment, pool, sendGzip: false });
    await use(client as unknown as TestClient);
  } finally {
    pool.close();
  }
}

async function problemOf(run: () => Promise<void>): Promise<string | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).replaceAll("\n", " ");
  }
}

const cases: Readonly<Record<CaseName, (connected: Connected) => Promise<void>>> = {
  async empty_unary({ client }) {
    await client.emptyCall({});
  },
  large_unary: ({ client }) => largeUnary(client),
  async client_streaming({ client }) {
    const requests = streamOf(sizes.requests.map((size) => ({ payload: payload(size) })));
    assert.equal((await client.streamingInputCall(requests)).aggregatedPayloadSize, 74_922);
  },
  async server_streaming({ client }) {
    assert.deepEqual(await bodySizes(client.streamingOutputCall(output(sizes.responses))), sizes.responses);
  },
  ping_pong: ({ client }) =>
    pong(
      client,
      sizes.requests.map((size, index) => [size, sizes.responses[index] ?? 0]),
    ),
  async empty_stream({ client }) {
    assert.deepEqual(await bodySizes(client.fullDuplexCall(streamOf([]))), []);
  },
  async status_code_and_message({ client }) {
    const status = { code: Code.Unknown, message: "test status message" };
    await expectError(client.unaryCall({ responseStatus: status }), status);
    await expectError(bodySizes(client.fullDuplexCall(streamOf([output([], status)]))), status);
  },
  async special_status_message({ client }) {
    const status = { code: Code.Unknown, message: specialStatusMessage };
    await expectError(client.unaryCall({ responseStatus: status }), status);
  },
  async unimplemented_method({ client }) {
    await expectError(client.unimplementedCall({}), { code: Code.Unimplemented });
  },
  async unimplemented_service({ contract, url }) {
    const client = createServiceClient(contract.unimplementedService, url, { environment });
    await expectError((client as unknown as TestClient).unimplementedCall({}), { code: Code.Unimplemented });
  },
  async custom_metadata({ client }) {
    const call = echoed();
    const answer = await client.unaryCall(
      { responseSize: sizes.largeResponse, payload: payload(sizes.largeRequest) },
      call.options,
    );
    assert.equal(answer.payload?.body.length, sizes.largeResponse);
    call.check();
    const stream = echoed();
    await bodySizes(client.fullDuplexCall(streamOf([output([sizes.largeResponse])]), stream.options));
    stream.check();
  },
  async cancel_after_begin({ client }) {
    const controller = new AbortController();
    const never = new Turns<object>();
    const call = client.streamingInputCall(never, { signal: controller.signal });
    controller.abort();
    await expectError(call, { code: Code.Canceled });
  },
  async cancel_after_first_response({ client }) {
    const controller = new AbortController();
    const requests = new Turns<object>();
    requests.send({ ...output([31_415]), payload: payload(27_182) });
    const answers = client.fullDuplexCall(requests, { signal: controller.signal })[Symbol.asyncIterator]();
    assert.equal((await answers.next()).value?.payload?.body.length, 31_415);
    controller.abort();
    await expectError(answers.next(), { code: Code.Canceled });
  },
  async timeout_on_sleeping_server({ client }) {
    const requests = new Turns<object>();
    requests.send({ ...output([]), payload: payload(27_182) });
    await expectError(bodySizes(client.fullDuplexCall(requests, { timeoutMs: 1 })), { code: Code.DeadlineExceeded });
  },
  async rpc_soak({ client, soakIterations }) {
    for (let iteration = 0; iteration < soakIterations; iteration++) {
      await largeUnary(client);
    }
  },
  async channel_soak(target) {
    for (let iteration = 0; iteration < target.soakIterations; iteration++) {
      await connected(target, largeUnary);
    }
  },
  async all_status_codes({ client }) {
    for (let code = 1; code <= 16; code++) {
      const status = { code, message: `code ${code}` };
      await expectError(client.unaryCall({ responseStatus: status }), status);
      await expectError(bodySizes(client.fullDuplexCall(streamOf([output([], status)]))), status);
      await expectError(bodySizes(client.fullDuplexCall(streamOf([output([9]), output([], status)]))), status);
    }
  },
  async gzip({ contract, url }) {
    const pool = new ConnectionPool(environment);
    for (const gzip of [{}, { acceptGzip: true }, { acceptGzip: true, sendGzip: true }]) {
      const client = createServiceClient(contract.testService, url, {
        environment,
        pool,
        ...gzip,
      }) as unknown as TestClient;
      await largeUnary(client);
      const answers = client.fullDuplexCall(streamOf([{ ...output([31_415]), payload: payload(27_182) }, output([9])]));
      assert.deepEqual(await bodySizes(answers), [31_415, 9]);
    }
    pool.close();
  },
  async concurrent_streams({ client }) {
    const streams = Array.from({ length: 50 }, (_, stream) =>
      pong(
        client,
        Array.from({ length: 20 }, (_, turn) => [stream * 100 + turn, stream * 50 + turn * 7]),
      ),
    );
    await Promise.all(streams);
  },
};

async function largeUnary(client: TestClient): Promise<void> {
  const request = { responseSize: sizes.largeResponse, payload: payload(sizes.largeRequest) };
  assert.equal((await client.unaryCall(request)).payload?.body.length, sizes.largeResponse);
}

/** Sends a request only after the response to the previous one. */
async function pong(
  client: TestClient,
  turns: readonly (readonly [request: number, response: number])[],
): Promise<void> {
  const requests = new Turns<object>();
  const left = turns.map(([request, response]) => ({ ...output([response]), payload: payload(request) }));
  const next = () => {
    const request = left.shift();
    if (request === undefined) {
      requests.end();
    } else {
      requests.send(request);
    }
  };
  next();
  const got: (number | undefined)[] = [];
  for await (const answer of client.fullDuplexCall(requests)) {
    got.push(answer.payload?.body.length ?? 0);
    next();
  }
  assert.deepEqual(
    got,
    turns.map(([, response]) => response),
  );
}

function payload(size: number): { readonly body: Uint8Array } {
  return { body: new Uint8Array(size) };
}

function output(responses: readonly number[], responseStatus?: EchoStatus): Partial<OutputRequest> {
  return {
    responseParameters: responses.map((size) => ({ size, intervalUs: 0 })),
    ...(responseStatus === undefined ? {} : { responseStatus }),
  };
}

async function* streamOf(requests: readonly object[]): AsyncIterable<object> {
  yield* requests;
}

async function bodySizes(answers: AsyncIterable<OutputResponse>): Promise<readonly number[]> {
  const found: number[] = [];
  for await (const { payload: { body } = payload(0) } of answers) {
    found.push(body.length);
  }
  return found;
}

async function expectError(
  call: Promise<unknown>,
  { code, message }: { readonly code: Code; readonly message?: string },
): Promise<void> {
  const outcome = await call.then(
    () => "OK",
    (error: unknown) => ConnectError.from(error),
  );
  assert.ok(outcome instanceof ConnectError, `expected ${Code[code]}, got OK`);
  assert.equal(Code[outcome.code], Code[code], outcome.message);
  if (message !== undefined) {
    // The client prefixes the server's message with the name of the unavailable service.
    assert.equal(outcome.rawMessage.slice(-message.length), message);
  }
}

/** Metadata that the server must echo, and a check of the echo. */
function echoed() {
  let header: Headers | undefined;
  let trailer: Headers | undefined;
  const options: CallOptions = {
    headers: { "x-grpc-test-echo-initial": "test_initial_metadata_value", "x-grpc-test-echo-trailing-bin": "q6ur" },
    onHeader(headers) {
      header = headers;
    },
    onTrailer(trailers) {
      trailer = trailers;
    },
  };
  return {
    options,
    check() {
      assert.equal(header?.get("x-grpc-test-echo-initial"), "test_initial_metadata_value");
      assert.equal(trailer?.get("x-grpc-test-echo-trailing-bin")?.replace(/=*$/, ""), "q6ur");
    },
  };
}
