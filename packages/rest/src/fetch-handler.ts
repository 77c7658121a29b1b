import type { RestRequest, RestResponse } from "./http.ts";
import type { Transcoder } from "./transcoder.ts";

/** The transcoder as a Fetch handler: for Deno, Bun, workers, and other runtimes with `Request` and `Response`. */
export function createFetchHandler(transcoder: Transcoder): (request: Request) => Promise<Response> {
  return async (request) => toResponse(await transcoder.handle(toRestRequest(request)));
}

function toRestRequest(request: Request): RestRequest {
  const url = new URL(request.url);
  return {
    method: request.method,
    url: `${url.pathname}${url.search}`,
    headers: Object.fromEntries(request.headers),
    signal: request.signal,
    hasBody: request.body !== null,
    ...(request.body === null ? {} : { body: request.body as AsyncIterable<Uint8Array> }),
  };
}

/** Statuses for which a `Response` must not have a body. */
const emptyStatuses = new Set([204, 304]);

function toResponse({ status, headers, body }: RestResponse): Response {
  return new Response(emptyStatuses.has(status) ? null : contentOf(body), { status, headers });
}

function contentOf(body: RestResponse["body"]): string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> {
  if (typeof body === "string") {
    return body;
  }
  return body instanceof Uint8Array ? new Uint8Array(body) : readable(body);
}

/** Pulls a part when the reader requests one, and ends the stream when the reader cancels. */
function readable(parts: AsyncIterable<string | Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = parts[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      async pull(controller) {
        const next = await iterator.next();
        if (next.done === true) {
          controller.close();
        } else {
          controller.enqueue(typeof next.value === "string" ? encoder.encode(next.value) : next.value);
        }
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
