import type { DescMethod, Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { ConnectError, createClient, type CallOptions as RpcOptions } from "@connectrpc/connect";
import { isTraceparent, systemEnvironment } from "@parley/rpc";
import { neverSent } from "@parley/rpc/client";
import { type Connection, openConnection } from "../connection/connection.ts";
import type { Parameter } from "../contract/parameters.ts";
import { exitCodes } from "../outcome/exit-codes.ts";
import { printFailure } from "../outcome/print-failure.ts";
import { UsageError } from "../outcome/usage-error.ts";
import { printer } from "../render/printer.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { newTrace } from "../telemetry/new-trace.ts";
import { createTerminal } from "../terminal/terminal.ts";
import { askForSecrets } from "./ask-for-secrets.ts";
import type { CallOptions } from "./call-options.ts";
import { type GivenValue, RequestError, requestOf, requestOfData } from "./request.ts";

export interface CallStart {
  readonly method: DescMethod;
  readonly parameters: readonly Parameter[];
  readonly given: readonly GivenValue[];
  readonly options: CallOptions;
  readonly services: readonly ServiceDefinition[];
}

/** Makes a call and prints the response to standard output, or the failure to standard error. Returns the exit code. */
export async function runCall({ method, parameters, given, options, services }: CallStart): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once("SIGINT", interrupt);
  let connection: Connection | undefined;
  let traceId: string | undefined;
  try {
    connection = openConnection(options, services);
    traceId = traceOf(connection.headers);
    const request =
      options.data === undefined
        ? requestOf(method, await askForSecrets(parameters, given), systemEnvironment({ name: "parley" }).newId)
        : requestOfData(method, options.data);
    const stream = method.methodKind !== "unary";
    const print = printer(method.output, { json: options.json === true, stream });
    for await (const answer of answers(method, { request, connection, signal: interrupted.signal })) {
      print(answer);
    }
    if (options.json !== true && changesOrder(method)) {
      printTraceCommand(traceId);
    }
    return exitCodes.ok;
  } catch (error) {
    if (interrupted.signal.aborted) {
      // Ctrl-C ends a stream normally; the outcome of a unary call is then unknown.
      return method.methodKind === "unary" ? exitCodes.interrupted : exitCodes.ok;
    }
    const failure = error instanceof UsageError ? error : ConnectError.from(error);
    // A call that was never sent has no trace.
    const shownTraceId = neverSent(failure) ? undefined : traceId;
    return printFailure(failure, { json: options.json === true, parameters, traceId: shownTraceId });
  } finally {
    process.off("SIGINT", interrupt);
    connection?.close();
  }
}

/** The trace id of the call: a new one, or that of a `traceparent` given by `--header`. Every process records its spans under this id. */
function traceOf(headers: Headers): string | undefined {
  const given = headers.get("traceparent");
  if (given !== null) {
    return isTraceparent(given) ? given.slice(3, 35) : undefined;
  }
  const { traceId, traceparent } = newTrace();
  headers.set("traceparent", traceparent);
  return traceId;
}

/** Whether a method places or changes an order. */
function changesOrder({ output, idempotency }: DescMethod): boolean {
  return (
    idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS &&
    output.fields.some(({ message }) => message?.typeName === "order.v1.Order")
  );
}

function printTraceCommand(traceId: string | undefined): void {
  if (traceId !== undefined) {
    const { colors } = createTerminal();
    process.stdout.write(`${colors.dim(`npx parley trace ${traceId}`)}\n`);
  }
}

interface Outgoing {
  readonly request: Message;
  readonly connection: Connection;
  readonly signal: AbortSignal;
}

async function* answers(method: DescMethod, { request, connection, signal }: Outgoing): AsyncGenerator<Message> {
  const { headers, timeoutMs } = connection;
  const options: RpcOptions = { headers, signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  const client = createClient(method.parent, connection.transport(method.parent.typeName));
  const call = client[method.localName];
  if (call === undefined) {
    throw new RequestError(`${method.parent.typeName} has no method ${method.name}`);
  }
  if (method.methodKind === "unary") {
    yield await (call as (request: Message, options: RpcOptions) => Promise<Message>)(request, options);
  } else {
    yield* (call as (request: Message, options: RpcOptions) => AsyncIterable<Message>)(request, options);
  }
}
