import type { Socket } from "node:net";
import type { Environment } from "../../environment/environment.ts";

/** The minimum time between two log entries with the same message, in milliseconds: such clients retry often. */
const logEveryMs = 10_000;

/** The socket is destroyed if it is idle for this time before the response is sent, in milliseconds. */
const answerTimeoutMs = 1_000;

/** Sends an explanation to clients that use TLS on a port without it, or the other way round, and logs a warning. */
export interface WrongScheme {
  /** A TLS handshake on a port without TLS. The response is plain HTTP, so that the error of TLS clients names the cause. */
  refuseTls(socket: Socket): void;
  /** HTTP without TLS on a port with TLS. `first`: the bytes received so far. */
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

/** The `https` URL for an HTTP/1.1 request. */
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
  socket.setTimeout(answerTimeoutMs, () => socket.destroy());
  // Unread data would make the kernel send RST, and the client would lose the response.
  socket.resume();
  socket.end(
    `HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `connection: close\r\n\r\n${body}`,
  );
}

function ignore(): void {}
