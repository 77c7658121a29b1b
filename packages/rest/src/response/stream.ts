import { type DescMethod, type JsonValue, type Message, type Registry, toJson } from "@bufbuild/protobuf";
import type { RestResponse } from "../http.ts";
import { errorResponse } from "./error-response.ts";

/** How a stream of answers is written. */
export interface StreamFormat {
  readonly contentType: string;
  readonly opening: string;
  message(json: JsonValue, position: string | undefined): string;
  error(body: object): string;
  /** Says nothing; keeps the connection open on the way. */
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

/** A JSON value to a line (https://github.com/ndjson/ndjson-spec); empty lines are to be passed over. */
export const jsonLines: StreamFormat = {
  contentType: "application/x-ndjson",
  opening: "",
  message: (json) => `${JSON.stringify(json)}\n`,
  error: (body) => `${JSON.stringify(body)}\n`,
  heartbeat: "\n",
};

/** Calls back once after a delay in milliseconds; the answer cancels it. The runtime's `Clock` fits. */
export interface Timer {
  after(delayMs: number, callback: () => void): () => void;
}

export interface StreamOptions {
  readonly format: StreamFormat;
  readonly method: DescMethod;
  readonly registry: Registry;
  readonly alwaysEmitImplicit: boolean;
  readonly timer: Timer;
  /** How long nothing may be said before a heartbeat, in milliseconds. */
  readonly heartbeatMs: number;
  /** How long the first answer is waited for, so that an error before it becomes an HTTP status, in milliseconds. */
  readonly openingMs: number;
  /** The domain of reasons that have none. */
  readonly reasonDomain: string;
  /** The page that errors link to. */
  readonly errorHelpUrl: string | undefined;
  /** Names the fields in an error as the caller gave them. */
  readonly spell: (error: unknown) => void;
  /** Cancels the call: the client left. */
  readonly leave: () => void;
}

/**
 * The HTTP answer of a stream of messages. An error before the first message, if it comes soon, is thrown; one that comes
 * later is the last thing in the body. The stream is read no faster than the body is taken, and ended when it is left.
 */
export async function streamResponse(messages: AsyncIterable<Message>, options: StreamOptions): Promise<RestResponse> {
  const iterator = messages[Symbol.asyncIterator]();
  const first = iterator.next();
  // Looked at again by the body; without this a rejection while the headers go out would count as unhandled.
  first.catch(() => {});
  await within(options.timer, options.openingMs, first);
  return {
    status: 200,
    // nginx holds streams back unless it is told not to.
    headers: { "content-type": options.format.contentType, "cache-control": "no-store", "x-accel-buffering": "no" },
    body: leavable(frames(iterator, first, options), options.leave),
  };
}

/** A generator that waits takes no `return` until its wait is over: so `leave` ends what it waits for. */
export function leavable<T>(parts: AsyncGenerator<T, void, undefined>, leave: () => void): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => parts.next(),
      return() {
        leave();
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
    options.leave();
    // Not waited for: the call ends by its signal.
    iterator.return?.().catch(() => {});
  }
}

/** The name of the field that tells a message's place in its stream: the convention of Parley's Watch methods. */
const positionField = "position";

function frame(message: Message, { format, method, registry, alwaysEmitImplicit }: StreamOptions): string {
  const position = (message as unknown as Record<string, unknown>)[positionField];
  const json = toJson(method.output, message, { registry, alwaysEmitImplicit });
  return format.message(json, typeof position === "string" && position !== "" ? position : undefined);
}

/** The promise's value, or undefined if it takes longer. */
function within<T>(timer: Timer, delayMs: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = timer.after(delayMs, () => resolve(undefined));
    promise.then(resolve, reject).finally(cancel);
  });
}
