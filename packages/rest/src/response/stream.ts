import { type DescMethod, type JsonValue, type Message, type Registry, toJson } from "@bufbuild/protobuf";
import type { RestResponse } from "../http.ts";
import { errorResponse } from "./error-response.ts";

/** The format of a stream response. */
export interface StreamFormat {
  readonly contentType: string;
  readonly opening: string;
  message(json: JsonValue, position: string | undefined): string;
  error(body: object): string;
  /** A line without content, which keeps the connection open. */
  readonly heartbeat: string;
}

/** Server-sent events (HTML standard, section 9.2). */
export const eventStream: StreamFormat = {
  contentType: "text/event-stream",
  opening: "retry: 1000\n\n",
  message(json, position) {
    const id = position === undefined || /[\r\n\0]/.test(position) ? "" : `id: ${position}\n`;
    return `${id}data: ${JSON.stringify(json)}\n\n`;
  },
  error: (body) => `event: error\ndata: ${JSON.stringify(body)}\n\n`,
  heartbeat: ":\n\n",
};

/** One JSON value per line (https://github.com/ndjson/ndjson-spec). Readers skip empty lines. */
export const jsonLines: StreamFormat = {
  contentType: "application/x-ndjson",
  opening: "",
  message: (json) => `${JSON.stringify(json)}\n`,
  error: (body) => `${JSON.stringify(body)}\n`,
  heartbeat: "\n",
};

/** Calls back once after a delay in milliseconds. Call the result to cancel it. The runtime's `Clock` fits. */
export interface Timer {
  after(delayMs: number, callback: () => void): () => void;
}

export interface StreamOptions {
  readonly format: StreamFormat;
  readonly method: DescMethod;
  readonly registry: Registry;
  readonly alwaysEmitImplicit: boolean;
  readonly timer: Timer;
  /** The idle time before a heartbeat, in milliseconds. */
  readonly heartbeatMs: number;
  /** How long to wait for the first message before the headers are sent, in milliseconds. An earlier error becomes an HTTP status. */
  readonly openingMs: number;
  /** The domain of reasons without one. */
  readonly reasonDomain: string;
  /** The page that errors link to. */
  readonly errorHelpUrl: string | undefined;
  /** Renames the fields in an error to the caller's spelling. */
  readonly spell: (error: unknown) => void;
  /** Cancels the call: the client disconnected. */
  readonly cancel: () => void;
}

/**
 * The HTTP response of a stream of messages. An error before the first message is thrown if it occurs within `openingMs`. A later one is the last
 * line of the body. The stream is read no faster than the body, and is ended when the reader cancels.
 */
export async function streamResponse(messages: AsyncIterable<Message>, options: StreamOptions): Promise<RestResponse> {
  const iterator = messages[Symbol.asyncIterator]();
  const first = iterator.next();
  // The body handles it later. Without this, a rejection while the headers are sent would count as unhandled.
  first.catch(() => {});
  await within(options.timer, options.openingMs, first);
  return {
    status: 200,
    // nginx buffers responses by default.
    headers: { "content-type": options.format.contentType, "cache-control": "no-store", "x-accel-buffering": "no" },
    body: cancelable(frames(iterator, first, options), options.cancel),
  };
}

/** A waiting generator handles `return` only after its wait, so `cancel` aborts the wait. */
export function cancelable<T>(parts: AsyncGenerator<T, void, undefined>, cancel: () => void): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => parts.next(),
      return() {
        cancel();
        return parts.return();
      },
    }),
  };
}

async function* frames(
  iterator: AsyncIterator<Message>,
  first: Promise<IteratorResult<Message>>,
  options: StreamOptions,
): AsyncGenerator<string, void, undefined> {
  const { format, timer, heartbeatMs } = options;
  let next = first;
  try {
    if (format.opening !== "") {
      yield format.opening;
    }
    while (true) {
      const result = await within(timer, heartbeatMs, next);
      if (result === undefined) {
        yield format.heartbeat;
        continue;
      }
      if (result.done === true) {
        return;
      }
      yield frame(result.value, options);
      next = iterator.next();
      next.catch(() => {});
    }
  } catch (reason) {
    options.spell(reason);
    yield format.error(errorResponse(reason, options).body);
  } finally {
    options.cancel();
    // Not awaited: the abort signal ends the call.
    iterator.return?.().catch(() => {});
  }
}

/** The field with a message's position in its stream: the convention of Parley's Watch methods. */
const positionField = "position";

function frame(message: Message, { format, method, registry, alwaysEmitImplicit }: StreamOptions): string {
  const position = (message as unknown as Record<string, unknown>)[positionField];
  const json = toJson(method.output, message, { registry, alwaysEmitImplicit });
  return format.message(json, typeof position === "string" && position !== "" ? position : undefined);
}

/** The promise's value, or undefined after the delay. */
function within<T>(timer: Timer, delayMs: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = timer.after(delayMs, () => resolve(undefined));
    promise.then(resolve, reject).finally(cancel);
  });
}
