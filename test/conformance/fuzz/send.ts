import { Agent, request as httpRequest } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { WireRequest } from "./mutated-request.ts";

/** A response on the wire. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly trailers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Set if the response is incomplete. */
  readonly failure?: string;
}

/** Sends raw requests to one server. */
export interface Sender {
  send(request: WireRequest): Promise<WireAnswer>;
  close(): void;
}

/** The response timeout. */
const answerMs = 15_000;

export function createSender(url: string): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  let session: ClientHttp2Session | undefined;
  return {
    send(request) {
      if (request.httpVersion === 1) {
        return overHttp1(url, { agent, request });
      }
      if (session === undefined || session.closed || session.destroyed) {
        session = connect(url);
        session.on("error", () => {});
      }
      return overHttp2(session, request);
    },
    close() {
      agent.destroy();
      session?.close();
    },
  };
}

function overHttp1(
  url: string,
  { agent, request }: { readonly agent: Agent; readonly request: WireRequest },
): Promise<WireAnswer> {
  return new Promise((resolve) => {
    const { method, path, headers, chunks } = request;
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const withLength = chunks.length === 0 ? headers : { ...headers, "content-length": String(length) };
    const call = httpRequest(`${url}${path}`, { method, agent, headers: withLength, timeout: answerMs }, (answer) => {
      const body: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => body.push(chunk));
      answer.on("error", (error) => resolve(noAnswer(error.message)));
      answer.on("end", () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: flat(answer.headers),
          trailers: flat(answer.trailers),
          body: Buffer.concat(body),
        }),
      );
    });
    call.on("error", (error) => resolve(noAnswer(error.message)));
    call.on("timeout", () => {
      resolve(noAnswer("no answer"));
      call.destroy();
    });
    void writeChunks(call, chunks);
  });
}

function overHttp2(session: ClientHttp2Session, { method, path, headers, chunks }: WireRequest): Promise<WireAnswer> {
  return new Promise((resolve) => {
    const stream = session.request(
      { ...headers, ":method": method, ":path": path },
      { endStream: chunks.length === 0 },
    );
    const body: Buffer[] = [];
    let head: Record<string, string> = {};
    let trailers: Record<string, string> = {};
    stream.setTimeout(answerMs, () => {
      resolve(noAnswer("no answer"));
      stream.close();
    });
    stream.on("response", (fields) => {
      head = flat(fields);
    });
    stream.on("trailers", (fields) => {
      trailers = flat(fields);
    });
    stream.on("data", (chunk: Buffer) => body.push(chunk));
    stream.on("error", () => {});
    stream.on("close", () =>
      head[":status"] === undefined
        ? resolve(noAnswer(`reset with ${stream.rstCode}`))
        : resolve({ status: Number(head[":status"]), headers: head, trailers, body: Buffer.concat(body) }),
    );
    if (chunks.length > 0) {
      void writeChunks(stream, chunks);
    }
  });
}

/** Writes each chunk in its own event-loop turn. */
async function writeChunks(stream: NodeJS.WritableStream, chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks.slice(0, -1)) {
    if (!stream.writable) {
      return;
    }
    stream.write(chunk);
    await nextTurn();
  }
  if (stream.writable) {
    stream.end(chunks.at(-1) ?? Buffer.alloc(0));
  }
}

function noAnswer(failure: string): WireAnswer {
  return { status: 0, headers: {}, trailers: {}, body: Buffer.alloc(0), failure };
}

function flat(fields: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, [value].flat().map(String).join(", ")]),
  );
}
