import { create, type DescService, type Message } from "@bufbuild/protobuf";
import type { CallOptions, Client } from "@connectrpc/connect";
import { libraryService } from "@parley/contract/testing";
import { createTranscoder, type RestResponse, restService, type Transcoder, type TranscoderOptions } from "../index.ts";

/** A call as the client received it. */
export interface SeenCall {
  readonly method: string;
  readonly message: Message;
  readonly options: CallOptions;
}

/** A library whose calls are recorded, and answered by the test. */
export interface TestLibrary {
  readonly service: DescService;
  readonly transcoder: Transcoder;
  readonly calls: SeenCall[];
  ask(request: string, more?: AskOptions): Promise<RestResponse>;
}

export interface AskOptions {
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

type Answer = (call: SeenCall) => unknown;

/** A transcoder for the fixture. `answer` returns the message (or the stream) of each call. Default: an empty message. */
export function testLibrary(answer: Answer = () => undefined, options: TranscoderOptions = {}): TestLibrary {
  const service = libraryService();
  const calls: SeenCall[] = [];
  const client = Object.fromEntries(
    service.methods.map((method) => [
      method.localName,
      (message: Message, callOptions: CallOptions) => {
        const call = { method: method.name, message, options: callOptions };
        calls.push(call);
        const given = answer(call);
        if (method.methodKind === "server_streaming") {
          return given;
        }
        return given instanceof Error ? Promise.reject(given) : Promise.resolve(given ?? create(method.output));
      },
    ]),
  ) as unknown as Client<DescService>;
  const transcoder = createTranscoder([restService(service, client)], { exposes: () => true, ...options });
  return {
    service,
    transcoder,
    calls,
    ask(request, more = {}) {
      const [method = "", url = ""] = request.split(" ");
      const body = typeof more.body === "string" ? new TextEncoder().encode(more.body) : more.body;
      const given =
        body === undefined ? {} : { "content-type": "application/json", "content-length": `${body.length}` };
      return transcoder.handle({
        method,
        url,
        headers: { ...given, ...more.headers },
        signal: more.signal ?? new AbortController().signal,
        ...(body === undefined ? {} : { body }),
      });
    },
  };
}

/** The body of a response as JSON. */
export function jsonOf(response: RestResponse): unknown {
  return typeof response.body === "string" ? JSON.parse(response.body) : undefined;
}
