import { Agent, request } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";

/** The result of a load. */
export interface LoadReport {
  readonly answered: number;
  /** Calls without a response, or with an error response of the proxy, with the time at which they failed. */
  readonly lost: readonly { readonly atMs: number; readonly why: string }[];
}

export interface Load {
  stop(): Promise<LoadReport>;
}

/** One call. Resolves with undefined if it succeeded, otherwise with the error. */
type Call = () => Promise<string | undefined>;

const path = "/echo.v1.EchoService/Echo";

/** Calls continuously: each caller makes one call after another, without retries. */
export function startLoad(callers: number, call: Call): Load {
  let stopped = false;
  let answered = 0;
  const lost: { atMs: number; why: string }[] = [];
  const running = Array.from({ length: callers }, async () => {
    while (!stopped) {
      const problem = await call();
      if (problem === undefined) {
        answered++;
      } else {
        lost.push({ atMs: performance.now(), why: problem });
      }
    }
  });
  return {
    async stop() {
      stopped = true;
      await Promise.all(running);
      return { answered, lost };
    },
  };
}

/** Connect's unary POST with JSON over HTTP/1.1, on persistent connections. */
export function http1Call(url: string, maxSockets: number): { readonly call: Call; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets });
  const body = JSON.stringify({ message: "hello" });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return {
    close: () => agent.destroy(),
    call: () =>
      new Promise((resolve) => {
        const sent = request(`${url}${path}`, { agent, method: "POST", headers }, (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (piece: string) => {
            text += piece;
          });
          response.on("error", (error) => resolve(error.message));
          response.on("end", () =>
            resolve(response.statusCode === 200 && text === body ? undefined : `HTTP ${response.statusCode}`),
          );
        });
        sent.on("error", (error) => resolve(error.message));
        sent.end(body);
      }),
  };
}

/** gRPC's unary call, on as few connections as the proxy allows. */
export function grpcCall(url: string): { readonly call: Call; close(): void } {
  let session: ClientHttp2Session | undefined;
  const message = Buffer.from("\u0000\u0000\u0000\u0000\u0007\u000a\u0005hello");
  const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
  function current(): ClientHttp2Session {
    if (session === undefined || session.closed || session.destroyed) {
      // The proxy closes a connection after a number of calls; calls in flight on it finish.
      const fresh = connect(url);
      fresh.on("error", () => {});
      fresh.on("goaway", () => fresh.close());
      session = fresh;
    }
    return session;
  }
  return {
    close: () => session?.close(),
    call: () =>
      new Promise((resolve) => {
        const stream = current().request(headers);
        let status: string | undefined;
        let http: number | undefined;
        let problem: string | undefined;
        stream.on("response", (fields) => {
          http = fields[":status"];
          status ??= fields["grpc-status"] as string | undefined;
        });
        stream.on("trailers", (fields) => {
          status = fields["grpc-status"] as string | undefined;
        });
        stream.on("error", (error) => {
          problem = error.message;
        });
        stream.on("close", () => {
          resolve(
            status === "0" ? undefined : `HTTP ${http}, grpc-status ${status}, reset ${stream.rstCode}, ${problem}`,
          );
        });
        stream.resume();
        stream.end(message);
      }),
  };
}
