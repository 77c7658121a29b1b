import type { Socket } from "node:net";
import type { Environment } from "../../environment/environment.ts";

/** How often the log mentions clients with the wrong scheme: each of them tries again and again. */
const logEveryMs = 10_000;

/** How long an answer may take to leave before the connection is cut, in milliseconds. */
const answerLeavesMs = 1_000;

/** Returns clients that speak TLS where the port does not, or the other way round, in words, and mentions them in the log. */
export interface WrongScheme {
  /** A TLS handshake on a port without TLS. The answer is plain HTTP, which TLS clients report in words that name the cause. */
  refuseTls(socket: Socket): void;
  /** HTTP without TLS on a port with TLS. `first` is what has come so far. */
  refusePlain(socket: Socket, first: Buffer): void;
}

export function createWrongScheme({ clock, log }: Pick<Environment, "clock" | "log">): WrongScheme {
  const loggedAtMs = new Map<string, number>();
  function warn(socket: Socket, message: string): void {
    const nowMs = clock.monotonic();
    if (nowMs - (loggedAtMs.get(message) ?? Number.NEGATIVE_INFINITY) >= logEveryMs) {
      loggedAtMs.set(message, nowMs);
      log.warn({ address: socket.remoteAddress }, message);
    }
  }
  return {
    refuseTls(socket) {
      warn(socket, tlsOnPlainPort);
      answer(
        socket,
        `This port does not speak TLS. Use http://localhost:${socket.localPort} or the port that has TLS.`,
      );
    },
    refusePlain(socket, first) {
      warn(socket, plainOnTlsPort);
      answer(socket, `This port speaks TLS. Use ${httpsUrl(first) ?? "https:// with this host and port"}.`);
    },
  };
}

const tlsOnPlainPort =
  "A client began a TLS handshake on a port without TLS. Use http:// there, or give the server TLS_CERT_FILE and TLS_KEY_FILE.";
const plainOnTlsPort = "A client sent HTTP without TLS to a port with TLS. Use https:// there.";

/** The URL that a request over HTTP/1.1 meant, with TLS. */
function httpsUrl(first: Buffer): string | undefined {
  const text = first.toString("latin1", 0, requestBytesMax);
  const path = /^[A-Z]+ (\/[!-~]{0,200}) HTTP\/1\.[01]\r?\n/.exec(text)?.[1];
  const host = /\r?\nhost: *([\w.:[\]-]{1,200})\r?\n/i.exec(text)?.[1];
  return path === undefined || host === undefined ? undefined : `https://${host}${path}`;
}

const requestBytesMax = 2_048;

function answer(socket: Socket, words: string): void {
  const body = `${words}\n`;
  socket.on("error", ignore);
  socket.setTimeout(answerLeavesMs, () => socket.destroy());
  // What is still on its way is read, or the answer would be lost with a reset.
  socket.resume();
  socket.end(
    `HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `connection: close\r\n\r\n${body}`,
  );
}

function ignore(): void {}
