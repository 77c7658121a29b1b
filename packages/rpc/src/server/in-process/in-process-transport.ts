import { create, type DescMessage, type DescMethod, type MessageInitShape } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextKey,
  type ContextValues,
  createContextKey,
  type StreamResponse,
  type UnaryResponse,
} from "@connectrpc/connect";
import type { AccessControl } from "../../access/guarded-call.ts";
import type { CallPipeline } from "../pipeline/call-pipeline.ts";
import type { IncomingCall } from "../pipeline/incoming-call.ts";
import type { ServerCall } from "../pipeline/server-call.ts";
import { type ServedMethod, throughPipeline } from "../pipeline/service-methods.ts";
import type { LocalCalls } from "../pipeline/service-module.ts";
import { eachOverTheWire, errorOverTheWire, type HeaderInit, InProcessCall, overTheWire } from "./in-process-wire.ts";

/** The peer's address for the log, if the call came in through another entry point of the process, such as the REST routes. */
export const peerKey: ContextKey<string | undefined> = createContextKey<string | undefined>(undefined, {
  description: "the address that a call came from",
});

/** A callback that receives the trace id of the call, so that such an entry point can put it into its response. */
export const onTraceIdKey: ContextKey<((traceId: string) => void) | undefined> = createContextKey<
  ((traceId: string) => void) | undefined
>(undefined, { description: "a callback that receives the trace id of a call" });

export interface InProcessOptions {
  readonly protocolName: IncomingCall["protocolName"];
  /**
   * Whether unary messages are passed without serialization. Only for callers that modify neither the request after the call nor the
   * response. Default: false.
   */
  readonly handsOver?: boolean;
  /** The access control for {@link LocalCalls.admit}. By default every caller is allowed. */
  readonly access?: AccessControl | undefined;
}

/**
 * A transport to methods in the same process, without a socket but with the server's whole call pipeline. Messages are serialized, so that
 * neither side sees later changes of the other. `handsOver` passes unary messages as they are.
 */
export function createInProcessTransport(
  pipeline: CallPipeline,
  methods: ReadonlyMap<string, ServedMethod>,
  { protocolName, handsOver = false, access }: InProcessOptions,
): LocalCalls {
  const over = handsOver ? create : overTheWire;
  const served = new Map<string, Served>();
  for (const [path, entry] of methods) {
    const through = throughPipeline(pipeline, { served: entry, callOf: (call: ServerCall) => call });
    served.set(path, { entry, through: through as Served["through"] });
  }

  function open(method: DescMethod, { signal, timeoutMs, header, contextValues }: CallStart): Opened {
    const found = served.get(`/${method.parent.typeName}/${method.name}`);
    if (found === undefined) {
      throw new ConnectError(`${method.parent.typeName}/${method.name} is not served here.`, Code.Unimplemented);
    }
    const incoming = new InProcessCall(method, {
      protocolName,
      peer: contextValues?.get(peerKey) ?? "in-memory",
      timeoutMs,
      header,
    });
    const call = pipeline.call(found.entry.runtime, incoming);
    contextValues?.get(onTraceIdKey)?.(call.trace.traceId);
    const cancel = () =>
      call.abort(new ConnectError("The caller closed its connection.", Code.Canceled, undefined, [], signal?.reason));
    signal?.addEventListener("abort", cancel, { once: true });
    const close = (error?: unknown) => {
      signal?.removeEventListener("abort", cancel);
      const sent = error === undefined ? undefined : ConnectError.from(error);
      if (sent !== undefined) {
        pipeline.explain(call, sent);
      }
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
    async admit(method, { header, contextValues }) {
      if (access === undefined) {
        return;
      }
      const fields = new Headers(header);
      const incoming = { header: (name: string) => fields.get(name) ?? undefined };
      try {
        await access.admit({ method, incoming });
      } catch (error) {
        throw open(method, { header, contextValues, signal: undefined, timeoutMs: undefined }).close(error);
      }
    },

    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const { through, call, incoming, close } = open(method, { signal, timeoutMs, header, contextValues });
      try {
        const answer = await through(over(method.input, input), call);
        const message = over<DescMessage>(method.output, answer as MessageInitShape<DescMessage>);
        close();
        return {
          stream: false,
          service: method.parent,
          method,
          message,
          // Created on demand.
          get header() {
            return incoming.responseHeader;
          },
          get trailer() {
            return incoming.responseTrailer;
          },
        } as unknown as UnaryResponse<typeof method.input, typeof method.output>;
      } catch (error) {
        throw close(error);
      }
    },

    async stream(method, signal, timeoutMs, header, input, contextValues) {
      const { through, call, incoming, close } = open(method, { signal, timeoutMs, header, contextValues });
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
            close(new ConnectError("The caller closed its connection.", Code.Canceled));
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
  /** The implementation, wrapped in the pipeline. */
  readonly through: (request: unknown, call: ServerCall) => unknown;
}

interface CallStart {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  readonly header: HeaderInit;
  readonly contextValues: ContextValues | undefined;
}

interface Opened {
  readonly through: Served["through"];
  readonly call: ServerCall;
  readonly incoming: InProcessCall;
  /** Ends the call. Returns the error as its caller receives it. */
  close(error?: unknown): ConnectError | undefined;
}

function response(method: DescMethod, incoming: InProcessCall) {
  return { service: method.parent, method, header: incoming.responseHeader, trailer: incoming.responseTrailer };
}
