import type { Interceptor, Transport } from "@connectrpc/connect";
import type { UniversalClientFn } from "@connectrpc/connect/protocol";
import { createTransport } from "@connectrpc/connect/protocol-connect";

export interface FetchTransportOptions {
  readonly baseUrl: string;
  /** Outermost first. */
  readonly interceptors?: readonly Interceptor[];
  /** The maximum size of a received message, in bytes. 4 MiB by default, which is also the most that Parley sends. */
  readonly messageBytesMax?: number;
  /** Binary messages are smaller and faster. JSON is readable in a browser's developer tools. JSON by default. */
  readonly useBinaryFormat?: boolean;
  /** The `fetch` function. The global one by default. */
  readonly fetch?: typeof globalThis.fetch;
}

/**
 * The Connect protocol over `fetch`, for Node and browsers. Supports unary calls and server streams, the only kinds in Parley's public contracts.
 */
export function createFetchTransport({
  baseUrl,
  interceptors = [],
  messageBytesMax = 4 * 1024 * 1024,
  useBinaryFormat = false,
  fetch = globalThis.fetch,
}: FetchTransportOptions): Transport {
  return createTransport({
    httpClient: overFetch(fetch),
    baseUrl,
    interceptors: [...interceptors],
    useBinaryFormat,
    // `fetch` negotiates compression and decompresses by itself.
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: Number.MAX_SAFE_INTEGER,
    readMaxBytes: messageBytesMax,
    writeMaxBytes: messageBytesMax,
    useHttpGet: true,
  });
}

/** Browsers cannot stream a request body over HTTP/1.1, so the body, one message, is sent at once. */
function overFetch(fetch: typeof globalThis.fetch): UniversalClientFn {
  return async ({ url, method, header, body, signal }) => {
    const response = await fetch(url, {
      method,
      headers: header,
      redirect: "error",
      ...(signal === undefined ? {} : { signal }),
      ...(body === undefined || method === "GET" ? {} : { body: await collect(body) }),
    });
    return {
      status: response.status,
      header: response.headers,
      body: response.body === null ? nothing() : chunksOf(response.body),
      trailer: new Headers(),
    };
  };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  let collected = new Uint8Array();
  for await (const chunk of chunks) {
    const longer = new Uint8Array(collected.length + chunk.length);
    longer.set(collected);
    longer.set(chunk, collected.length);
    collected = longer;
  }
  return collected;
}

/** Not every browser supports iteration of a ReadableStream. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}

async function* nothing(): AsyncIterable<Uint8Array> {}
