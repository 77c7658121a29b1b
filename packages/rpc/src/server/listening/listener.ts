import { type AddressInfo, createServer, type Server } from "node:net";
import { allowReads, ReadTurns, stopReads } from "@parley/http2";
import type { TlsMaterial } from "../../environment/connections/tls-files.ts";
import { UnfinishedBodies } from "../buffers/unfinished-bodies.ts";
import { createUnsentAnswers } from "../buffers/unsent-answers.ts";
import { createWrongScheme } from "../http/wrong-scheme.ts";
import { ConnectionGate, newConnectionCheck } from "./connection-gate.ts";
import { detectProtocol } from "./first-bytes.ts";
import { createHttp1 } from "./http1/http1-server.ts";
import { createHttp2 } from "./http2-server.ts";
import { type HttpOptions, type ListenerOptions, turnGroupOf } from "./listener-options.ts";
import { createRefusalReport } from "./refusing/connection-refusals.ts";
import { createTls } from "./tls-front.ts";

/** One port for HTTP/1.1 and HTTP/2. */
export interface Listener {
  listen(port: number, host: string): Promise<AddressInfo>;
  /** Closes the port. Clients get "connection refused". */
  stopListening(): Promise<void>;
  /** Asks clients to reconnect: `connection: close` over HTTP/1.1, a first GOAWAY that still accepts streams over HTTP/2. */
  startDrain(): void;
  /** Accepts no more calls on open HTTP/2 connections. */
  stopAccepting(): void;
  /** Closes idle HTTP/1.1 connections. HTTP/2 connections close by themselves after GOAWAY. */
  closeIdle(): void;
  /** Sets the certificates for new connections. Only for a listener that started with TLS. */
  renewTls(material: TlsMaterial): void;
  /** Closes the port and destroys every connection. */
  destroy(): void;
  /** The number of open connections. */
  readonly connectionCount: number;
  /** Those of them that use HTTP/1.1. */
  readonly http1ConnectionCount: number;
}

/**
 * Serves HTTP/1.1 and HTTP/2 on one port. TLS connections negotiate the protocol (ALPN). For others the first bytes decide. The socket is
 * passed on unwrapped, so that Node reads from it natively: a JavaScript stream in between costs far more than the protocol itself.
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
    markActive: (socket) => gate.markActive(tls?.rawSocketOf(socket) ?? socket),
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
  const noteAccepted = () => {
    accepted++;
    turns.accepted();
  };
  const blockList = newConnectionCheck((address) => {
    const isRefused = gate.refuses(address);
    if (isRefused) {
      noteAccepted();
    }
    return isRefused;
  });
  const front = createServer({ blockList }, (socket) => {
    noteAccepted();
    if (!gate.admit(socket)) {
      return;
    }
    // Not for refused connections: each is a system call.
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveMs);
    const inTurn = (begin: () => void) => {
      if (turns.isBusy) {
        stopReads(socket);
        const resume = () => {
          allowReads(socket);
          begin();
        };
        turns.defer(resume, { group: turnGroupOf(socket), kind: "first" });
      } else {
        begin();
      }
    };
    if (tls !== undefined) {
      // Checked before the handshake: a failed handshake would give a client without TLS only an alert code.
      const { handshakeTimeoutMs: timeoutMs } = limits;
      const detecting = { connectionIdleTimeoutMs: timeoutMs, headersTimeoutMs: timeoutMs, inTurn };
      detectProtocol(socket, detecting, (protocol, first) => {
        if (protocol === "TLS") {
          tls.accept(socket);
        } else {
          wrongScheme.refusePlain(socket, first);
        }
      });
      return;
    }
    detectProtocol(socket, { ...limits, inTurn }, (protocol) => {
      if (protocol === "HTTP/2") {
        http2.accept(socket);
      } else if (protocol === "HTTP/1.1") {
        http1.accept(socket);
      } else if (protocol === "TLS") {
        wrongScheme.refuseTls(socket);
      } else {
        // The client would not understand a response.
        socket.destroy();
      }
    });
  });
  return {
    listen: (port, host) => listen(front, { port, host, backlog: limits.acceptQueueMax }),
    async stopListening() {
      // When the port closes, the kernel resets connections in the accept queue with their requests. So these are accepted first. Connections that
      // arrive after the last check are still reset. So the port closes in a short turn, in which few can arrive.
      const { clock } = environment;
      const beganMs = clock.monotonic();
      for (let turns = 0; turns < acceptTurnsMax; turns++) {
        const [seen, turnMs] = [accepted, clock.monotonic()];
        await nextTurn();
        const nowMs = clock.monotonic();
        if (seen === accepted && (nowMs - turnMs < shortTurnMs || nowMs - beganMs > shortTurnWaitMs)) {
          break;
        }
      }
      front.close();
      // Their first requests may have been read, and wait for their turn.
      for (let turn = 0; turn < deferredTurnsMax && turns.isWaiting; turn++) {
        await nextTurn();
      }
    },
    startDrain() {
      state.draining = true;
      for (const connection of http2.connections) {
        connection.announceClose();
      }
    },
    stopAccepting() {
      for (const connection of [...http2.connections]) {
        // Sends GOAWAY with the last stream id, and closes once the open streams have ended.
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
    get http1ConnectionCount() {
      return http1.connectionCount;
    },
  };
}

/** The port closes after this number of event-loop turns, even if new connections still arrive. */
const acceptTurnsMax = 100;

/** The drain begins after this number of event-loop turns, even if reads still wait for theirs. */
const deferredTurnsMax = 1_000;

/** An event-loop turn in which less than this passes was not interrupted by other processes, in milliseconds. */
const shortTurnMs = 0.3;
/** How long a busy process waits for a short turn, in milliseconds. */
const shortTurnWaitMs = 250;

/** Resolves in the next event-loop turn, after the pending connections are accepted. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** TCP keepalive detects peers that disappeared without a FIN. In milliseconds. */
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
