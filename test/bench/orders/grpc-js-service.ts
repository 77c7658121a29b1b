import { type DescMethodUnary, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Server, ServerCredentials, type ServiceError } from "@grpc/grpc-js";
import { ready } from "../ready.ts";

/** What the rivals on grpc-js have in common: a server of methods by their contract, and a client. */
const server = new Server();

function path({ parent, name }: DescMethodUnary): string {
  return `/${parent.typeName}/${name}`;
}

type Handler<M extends DescMethodUnary> = (
  request: MessageShape<M["input"]>,
) => MessageShape<M["output"]> | Promise<MessageShape<M["output"]>>;

/** Serves a method. */
export function add<M extends DescMethodUnary>(method: M, handle: Handler<M>): void {
  const definition = {
    path: path(method),
    requestStream: false as const,
    responseStream: false as const,
    requestDeserialize: (bytes: Buffer) => fromBinary(method.input, bytes) as MessageShape<M["input"]>,
    requestSerialize: (message: MessageShape<M["input"]>) => Buffer.from(toBinary(method.input, message)),
    responseSerialize: (message: MessageShape<M["output"]>) => Buffer.from(toBinary(method.output, message)),
    responseDeserialize: (bytes: Buffer) => fromBinary(method.output, bytes) as MessageShape<M["output"]>,
  };
  server.register(
    definition.path,
    (async (call: { request: MessageShape<M["input"]> }, callback: (error: unknown, answer?: unknown) => void) => {
      try {
        callback(null, await handle(call.request));
      } catch (error) {
        callback(error);
      }
    }) as never,
    definition.responseSerialize as never,
    definition.requestDeserialize as never,
    "unary",
  );
}

/** Calls the methods of a service on a port. */
export function caller(port: string) {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  return <M extends DescMethodUnary>(
    method: M,
    request: MessageShape<M["input"]>,
  ): Promise<MessageShape<M["output"]>> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path(method),
        (message: MessageShape<M["input"]>) => Buffer.from(toBinary(method.input, message)),
        (bytes: Buffer) => fromBinary(method.output, bytes) as MessageShape<M["output"]>,
        request,
        { deadline: Date.now() + 1_000 },
        (error: ServiceError | null, answer?: MessageShape<M["output"]>) =>
          answer === undefined ? reject(error) : resolve(answer),
      );
    });
}

/** Starts the service and reports its port. */
export function start(roles: Readonly<Record<string, () => void | Promise<void>>>, role: string): void {
  const begin = roles[role];
  if (begin === undefined) {
    throw new Error(`there is no role ${role}`);
  }
  Promise.resolve(begin()).then(() =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error !== null) {
        throw error;
      }
      ready(port);
    }),
  );
}
