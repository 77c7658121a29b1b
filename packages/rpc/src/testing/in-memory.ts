import type { DescMessage, DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse, type Transport, type UnaryResponse } from "@connectrpc/connect";
import type { Environment } from "../environment/environment.ts";
import { CallPipeline } from "../server/call-pipeline.ts";
import type { ServerCall } from "../server/server-call.ts";
import { defaultLimits } from "../server/server-limits.ts";
import { type ServedMethod, serveMethods, throughPipeline } from "../server/service-methods.ts";
import type { ServiceModule } from "../server/service-module.ts";
import { eachOverTheWire, errorOverTheWire, type HeaderInit, InMemoryCall, overTheWire } from "./in-memory-wire.ts";

/**
 * A transport to a module in the same process: no socket, but all that the server does around a call (validation, deadline,
 * call context, error mapping, limits, metrics, log), by the environment's clock. Messages go over in their binary form, so
 * that neither side sees a change that the other makes afterwards. Starting and stopping the module is up to the caller.
 */
export function connectInMemory(module: ServiceModule, environment: Environment): Transport {
  const pipeline = new CallPipeline({ environment, limits: defaultLimits });
  pipeline.letIn();
  const served = new Map<string, Served>();
  for (const [path, entry] of serveMethods(pipeline, { entries: module.entries })) {
    const through = throughPipeline(pipeline, { served: entry, callOf: (call: ServerCall) => call });
    served.set(path, { entry, through: through as Served["through"] });
  }

  function open(method: DescMethod, { signal, timeoutMs, header }: CallStart): Opened {
    const found = served.get(`/${method.parent.typeName}/${method.name}`);
    if (found === undefined) {
      throw new ConnectError(`${method.parent.typeName}/${method.name} is not served`, Code.Unimplemented);
    }
    const incoming = new InMemoryCall(method, { timeoutMs, header });
    const call = pipeline.call(found.entry.runtime, incoming);
    const cancel = () =>
      call.abort(new ConnectError("the caller went away", Code.Canceled, undefined, [], signal?.reason));
    signal?.addEventListener("abort", cancel, { once: true });
    const close = (error?: unknown) => {
      signal?.removeEventListener("abort", cancel);
      const sent = error === undefined ? undefined : ConnectError.from(error);
      pipeline.close(call, sent);
      return sent === undefined ? undefined : errorOverTheWire(sent, incoming);
    };
    try {
      pipeline.open(call);
    } catch (error) {
      throw close(error);
    }
    if (signal?.aborted === true) {
      cancel();
    }
    return { through: found.through, call, incoming, close };
  }

  return {
    async unary(method, signal, timeoutMs, header, input) {
      const { through, call, incoming, close } = open(method, { signal, timeoutMs, header });
      try {
        const answer = await through(overTheWire(method.input, input), call);
        const message = overTheWire<DescMessage>(method.output, answer as MessageInitShape<DescMessage>);
        close();
        return { ...response(method, incoming), stream: false, message } as unknown as UnaryResponse<
          typeof method.input,
          typeof method.output
        >;
      } catch (error) {
        throw close(error);
      }
    },

    async stream(method, signal, timeoutMs, header, input) {
      const { through, call, incoming, close } = open(method, { signal, timeoutMs, header });
      const requests = eachOverTheWire(method.input, input);
      async function* answers(): AsyncGenerator<unknown> {
        if (method.methodKind === "client_streaming") {
          yield await through(requests, call);
          return;
        }
        const request = method.methodKind === "server_streaming" ? (await requests.next()).value : requests;
        yield* through(request, call) as AsyncIterable<unknown>;
      }
      async function* messages() {
        let finished = false;
        try {
          for await (const answer of answers()) {
            yield overTheWire<DescMessage>(method.output, answer as MessageInitShape<DescMessage>);
          }
          finished = true;
          close();
        } catch (error) {
          finished = true;
          throw close(error);
        } finally {
          if (!finished) {
            close(new ConnectError("the caller went away", Code.Canceled));
          }
        }
      }
      return { ...response(method, incoming), stream: true, message: messages() } as unknown as StreamResponse<
        typeof method.input,
        typeof method.output
      >;
    },
  };
}

interface Served {
  readonly entry: ServedMethod;
  /** The implementation with the pipeline around it. */
  readonly through: (request: unknown, call: ServerCall) => unknown;
}

interface CallStart {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  readonly header: HeaderInit;
}

interface Opened {
  readonly through: Served["through"];
  readonly call: ServerCall;
  readonly incoming: InMemoryCall;
  /** Ends the call, answering the error as its caller gets it. */
  close(error?: unknown): ConnectError | undefined;
}

function response(method: DescMethod, incoming: InMemoryCall) {
  return { service: method.parent, method, header: incoming.responseHeader, trailer: incoming.responseTrailer };
}
