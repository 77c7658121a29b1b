import type { RestRequest, RestResponse } from "./http.ts";
import type { Transcoder } from "./transcoder.ts";

/** The transcoder as a Fetch handler: for Deno, Bun, workers, and whatever else speaks `Request` and `Response`. */
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
    ...(request.body === null ? {} : { body: request.body as AsyncIterable<Uint8Array> }),
  };
}

/** Statuses that a `Response` must not have a body with. */
const emptyStatuses = new Set([204, 304]);

function toResponse({ status, headers, body }: RestResponse): Response {
  const content = emptyStatuses.has(status) ? null : typeof body === "string" ? body : readable(body);
  return new Response(content, { status, headers });
}

/** Pulls a part when one is wanted, and ends the stream when the reader leaves. */
function readable(parts: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const iterator = parts[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      async pull(controller) {
        const next = await iterator.next();
        if (next.done === true) {
          controller.close();
        } else {
          controller.enqueue(encoder.encode(next.value));
        }
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
