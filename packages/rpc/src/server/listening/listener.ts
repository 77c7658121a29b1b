import { type AddressInfo, createServer, type Server } from "node:net";
import { ReadTurns } from "@parley/http2";
import type { TlsMaterial } from "../../environment/connections/tls-files.ts";
import { UnfinishedBodies } from "../buffers/unfinished-bodies.ts";
import { createUnsentAnswers } from "../buffers/unsent-answers.ts";
import { createWrongScheme } from "../http/wrong-scheme.ts";
import { ConnectionGate } from "./connection-gate.ts";
import { detectProtocol } from "./first-bytes.ts";
import { createHttp1 } from "./http1/http1-server.ts";
import { createHttp2 } from "./http2-server.ts";
import type { HttpOptions, ListenerOptions } from "./listener-options.ts";
import { createRefusalReport } from "./refusing/connection-refusals.ts";
import { createTls } from "./tls-front.ts";

/** One port for HTTP/1.1 and HTTP/2. */
export interface Listener {
  listen(port: number, host: string): Promise<AddressInfo>;
  /** Accepts no more connections: clients get "connection refused", and connect elsewhere. */
  stopListening(): Promise<void>;
  /** Asks clients to take new calls elsewhere: `connection: close` on HTTP/1.1, a first GOAWAY that still admits calls on their way. */
  startDrain(): void;
  /** Accepts no more calls on the connections there are. */
  stopAccepting(): void;
  /** Closes HTTP/1.1 connections that have no call on them. Those of HTTP/2 close by themselves after their GOAWAY. */
  closeIdle(): void;
  /** Has new connections use these certificates. Only where there were some at the start. */
  renewTls(material: TlsMaterial): void;
  /** Cuts every connection. */
  destroy(): void;
  /** Open connections. */
  readonly connectionCount: number;
}

/**
 * Listens for both protocols at once. Under TLS the client says which it speaks (ALPN); without, its first bytes do. The
 * socket is handed on as it is, so that Node's own code reads from it natively: a JavaScript stream in between costs far more
 * than the protocol itself.
 */
export function createListener(options: ListenerOptions): Listener {
  const { limits, environment } = options;
  const state = { draining: false };
  let accepted = 0;
  const onRefused = createRefusalReport(environment);
  const wrongScheme = createWrongScheme(environment);
  const turns = new ReadTurns(limits.readTurnMs);
  const shared: HttpOptions = {
    ...options,
    state,
    onRefused,
    turns,
    bodies: new UnfinishedBodies(limits, environment),
    unsent: createUnsentAnswers(limits, environment),
    spoke: (socket) => gate.spoke(tls?.rawSocketOf(socket) ?? socket),
  };
  const http1 = createHttp1(shared);
  const http2 = createHttp2(shared);
  const gate = new ConnectionGate({
    limits,
    isTrusted: options.isTrusted,
    onRefused,
    closeIdle: () => http2.closeOneIdle() || http1.closeOneIdle(),
  });
  const tls = options.tls === undefined ? undefined : createTls(options.tls, { limits, http1, http2 });
  const front = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs }, (socket) => {
    accepted++;
    turns.accepted();
    if (!gate.admit(socket)) {
      return;
    }
    if (tls !== undefined) {
      // Looked at before the handshake: of a client without TLS, the handshake would tell neither side more than a number.
      const { handshakeTimeoutMs: timeoutMs } = limits;
      detectProtocol(socket, { connectionIdleTimeoutMs: timeoutMs, headersTimeoutMs: timeoutMs }, (protocol, first) => {
        if (protocol === "TLS") {
          tls.accept(socket);
        } else {
          wrongScheme.refusePlain(socket, first);
        }
      });
      return;
    }
    detectProtocol(socket, limits, (protocol) => {
      if (protocol === "HTTP/2") {
        http2.accept(socket);
      } else if (protocol === "HTTP/1.1") {
        http1.accept(socket);
      } else if (protocol === "TLS") {
        wrongScheme.refuseTls(socket);
      } else {
        // An answer would be in a protocol that the client does not speak.
        socket.destroy();
      }
    });
  });
  return {
    listen: (port, host) => listen(front, { port, host, backlog: limits.acceptQueueMax }),
    async stopListening() {
      // Connections that wait to be accepted are reset when the port is closed, with the requests that they brought.
      let seen = -1;
      for (let turns = 0; seen !== accepted && turns < acceptTurnsMax; turns++) {
        seen = accepted;
        await nextTurn();
      }
      front.close();
    },
    startDrain() {
      state.draining = true;
      for (const connection of http2.connections) {
        connection.announceClose();
      }
    },
    stopAccepting() {
      http1.closeIdle();
      for (const connection of [...http2.connections]) {
        // Sends GOAWAY with the last accepted call, and ends when the open ones have ended.
        connection.close();
      }
    },
    closeIdle: () => http1.closeIdle(),
    renewTls: (material) => tls?.renew(material),
    destroy() {
      front.close();
      for (const socket of [...gate]) {
        socket.destroy();
      }
      http1.close();
    },
    get connectionCount() {
      return gate.size;
    },
  };
}

/** A port at which connections come in without a pause is closed all the same. */
const acceptTurnsMax = 100;

/** The next turn of the event loop, after all connections that wait now are accepted. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** TCP keepalive finds peers that vanished without a FIN. */
const keepAliveMs = 60_000;

function listen(
  server: Server,
  where: { readonly port: number; readonly host: string; readonly backlog: number },
): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve(server.address() as AddressInfo);
    });
  });
}
