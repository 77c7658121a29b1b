import { readFileSync } from "node:fs";
import { type ClientRequestArgs, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { OtlpEndpoint } from "./otlp-config.ts";

const compress = promisify(gzip);

/** The outcome of a request (OTLP 1.x, "OTLP/HTTP Response"). */
export type SendOutcome =
  | { readonly kind: "sent"; readonly body: Uint8Array }
  /** Retryable: 429, 502, 503, 504, or no response. */
  | { readonly kind: "retry"; readonly cause: string; readonly afterMs: number | undefined }
  /** Not retryable. */
  | { readonly kind: "refused"; readonly cause: string };

const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const answerBytesMax = 65_536;

/** Sends protobuf to a collector over one keep-alive connection. */
export class OtlpClient {
  readonly #endpoint: OtlpEndpoint;
  readonly #agent: HttpAgent;
  readonly #request: typeof httpRequest;

  constructor(endpoint: OtlpEndpoint) {
    this.#endpoint = endpoint;
    const isTls = endpoint.url.startsWith("https:");
    const ca = endpoint.certificateFile === undefined ? {} : { ca: readFileSync(endpoint.certificateFile) };
    this.#agent = isTls
      ? new HttpsAgent({ keepAlive: true, maxSockets: 1, ...ca })
      : new HttpAgent({ keepAlive: true, maxSockets: 1 });
    this.#request = isTls ? httpsRequest : httpRequest;
  }

  /** Sends a request. Never rejects: the outcome reports errors. */
  async send(message: Uint8Array, signal: AbortSignal): Promise<SendOutcome> {
    const { url, headers, gzip: zipped, timeoutMs } = this.#endpoint;
    try {
      const body = zipped ? await compress(message, { level: 1 }) : message;
      return await this.#post(new URL(url), {
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        options: {
          method: "POST",
          agent: this.#agent,
          headers: {
            ...headers,
            "content-type": "application/x-protobuf",
            "content-length": body.length,
            "user-agent": "OTel-OTLP-Exporter-Parley/0.1",
            ...(zipped ? { "content-encoding": "gzip" } : {}),
          },
        },
      });
    } catch (error) {
      return { kind: "retry", cause: error instanceof Error ? error.message : String(error), afterMs: undefined };
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #post(
    url: URL,
    {
      body,
      signal,
      options,
    }: { readonly body: Uint8Array; readonly signal: AbortSignal; readonly options: ClientRequestArgs },
  ): Promise<SendOutcome> {
    return new Promise((resolve, reject) => {
      const request = this.#request(url, { ...options, signal }, (response) => {
        readAnswer(response).then((answer) => resolve(outcome(response, answer)), reject);
      });
      request.on("error", reject);
      // A slow collector must not keep the process alive.
      request.on("socket", (socket) => socket.unref());
      request.end(body);
    });
  }
}

function outcome({ statusCode = 0, headers }: IncomingMessage, body: Uint8Array): SendOutcome {
  if (statusCode >= 200 && statusCode < 300) {
    return { kind: "sent", body };
  }
  const cause = `the collector responded with status ${statusCode}`;
  if (!retryable.has(statusCode)) {
    return { kind: "refused", cause };
  }
  const seconds = Number(headers["retry-after"]);
  return { kind: "retry", cause, afterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined };
}

async function readAnswer(response: IncomingMessage): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > answerBytesMax) {
      response.destroy();
      break;
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
