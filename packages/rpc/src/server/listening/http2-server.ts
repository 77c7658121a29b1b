import { createServer } from "node:http2";
import type { Socket } from "node:net";
import {
  type AnyHttp2Connection,
  type AnyHttp2Stream,
  createHttp2Connection,
  errorCode,
  NodeStream,
  requestHeaders,
} from "@parley/http2";
import { isStreaming, type UnfinishedBody } from "../buffers/unfinished-bodies.ts";
import { refuseHost2 } from "../http/refuse-host.ts";
import { goAwayInTwoSteps, limitAge } from "./connection-age.ts";
import { type HttpOptions, turnGroupOf } from "./listener-options.ts";
import type { ConnectionRefusal } from "./refusing/connection-refusals.ts";
import { RefusalPressure } from "./refusing/refusal-pressure.ts";
import { limitedRefusals } from "./refusing/refusal-rate.ts";

/** The HTTP/2 side of a listener. */
export interface Http2Side {
  accept(socket: Socket): void;
  readonly connections: ReadonlySet<AnyHttp2Connection>;
  /** Closes one connection without open streams. False if there is none among the first 64. */
  closeOneIdle(): boolean;
}

/** The number of connections that {@link Http2Side.closeOneIdle} checks: at the limit it runs for each new connection. */
const checkedMax = 64;

/** The initial receive window of a stream: a thousand streams of one connection buffer at most 64 MiB. */
const firstWindowBytes = 65_535;

/** The debug data of GOAWAY. */
const unsentText = "too many bytes of responses are unsent (BUFFERED_RESPONSE_BYTES_MAX)";

export function createHttp2({
  limits,
  http2: implementation,
  handle,
  path,
  quickRefusal,
  hostCheck,
  state,
  markActive,
  onRefused,
  unsent,
  bodies,
  turns,
  trustedConnections,
  environment,
}: HttpOptions): Http2Side {
  const connections = new Set<AnyHttp2Connection>();
  const pauseMs = limitedRefusals(limits, environment);
  // Node's compatibility API creates a request and a response for each stream. This server never listens on a port: it gets the streams
  // that `path` does not handle.
  const compatibility = createServer(handle);
  return {
    connections,
    accept(socket) {
      let trusted = false;
      const isTrusted = (connection: AnyHttp2Connection) => {
        const isNow = trustedConnections?.isTrusted(socket) === true;
        if (isNow) {
          connection.trustPeer();
        }
        return isNow;
      };
      // The connection was accepted before the port closed. A GOAWAY before its first call could make that call fail.
      let announceLater = state.draining;
      const refused = (refusal: ConnectionRefusal) => onRefused(refusal, socket.remoteAddress ?? "unknown");
      const holder = {
        evict() {
          if (trusted) {
            unsent.refused();
            connection.resetQueued(errorCode.enhanceYourCalm);
            return;
          }
          refused("buffered_response_bytes");
          connection.destroy(errorCode.enhanceYourCalm, unsentText);
          // The client does not read, so GOAWAY would never be sent.
          socket.destroy();
        },
      };
      const bodiesHere = bodies.connection();
      const streamBodies = new Map<AnyHttp2Stream, UnfinishedBody>();
      const connection = createHttp2Connection(socket, {
        implementation,
        role: "server",
        streamsMax: limits.streamsPerConnectionMax,
        streamWindowBytes: limits.streamWindowBytes,
        firstWindowBytes: Math.min(firstWindowBytes, limits.streamWindowBytes),
        connectionWindowBytes: limits.connectionWindowBytes,
        headerBytesMax: limits.headerBytesMax,
        turns,
        turnGroup: turnGroupOf(socket),
        resets: { burstMax: limits.streamResetBurstMax, perSecondMax: limits.streamResetsPerSecondMax },
        overhead: { burstMax: limits.overheadFrameBurstMax, perSecondMax: limits.overheadFramesPerSecondMax },
        listener: {
          onStream(stream, block) {
            const { behindMs } = connection;
            trusted ||= isTrusted(connection);
            if (
              quickRefusal?.refuse2(stream, block, trusted ? { waitedMs: behindMs } : { behindMs, own: socket }) ===
              true
            ) {
              if (!trusted) {
                pressure.refused(behindMs);
              }
              return;
            }
            pressure.accepted();
            const headers = block.tooLarge ? undefined : requestHeaders(block);
            if (headers === undefined) {
              stream.refuse(block.tooLarge ? errorCode.enhanceYourCalm : errorCode.protocol);
              return;
            }
            if (!trusted && connection.unsentBytes > unsent.refuseAboveBytes) {
              unsent.refused();
              if (quickRefusal?.refuse2(stream, block, { isUnsent: true }) !== true) {
                stream.reset(errorCode.enhanceYourCalm);
              }
              return;
            }
            if (announceLater) {
              announceLater = false;
              connection.announceClose();
            }
            stream.expectedBytes = Number(headers["content-length"] ?? -1);
            if (connection.openCount === 1) {
              markActive(socket);
            }
            if (hostCheck !== undefined && !hostCheck((headers[":authority"] as string | undefined) ?? headers.host)) {
              refuseHost2(stream, headers);
            } else if (path?.http2(stream, { headers, socket }) !== true) {
              const whole = new NodeStream(stream, socket);
              stream.collects = !isStreaming(headers["content-type"]);
              whole.headRequest = headers[":method"] === "HEAD";
              compatibility.emit("stream", whole, headers, 0, block.fields);
            }
          },
          onUnsent(bytes, stream) {
            if (!trusted && bytes > unsent.connectionBytesMax && stream !== undefined && !stream.closed) {
              unsent.refused();
              stream.reset(errorCode.enhanceYourCalm);
            } else {
              unsent.hold(holder, bytes);
            }
          },
          onHeld(stream, bytes) {
            let body = streamBodies.get(stream);
            if (body === undefined) {
              body = {
                evict(reason) {
                  if (stream.listener?.onRefused?.(reason) !== true) {
                    stream.reset(errorCode.enhanceYourCalm);
                  }
                },
                wait: (waits) => stream.holdWindow(waits),
              };
              streamBodies.set(stream, body);
            }
            if (bytes === 0) {
              streamBodies.delete(stream);
            }
            bodiesHere.hold(body, bytes);
          },
          onLimit: refused,
          onClose: () => connections.delete(connection),
        },
      });
      const pressure = new RefusalPressure(connection, { limits, pauseMs });
      connections.add(connection);
      const aging = {
        retire: () => goAwayInTwoSteps(connection, environment.clock),
        cut: () => connection.destroy(),
      };
      socket.once("close", limitAge(aging, { limits, environment }));
      socket.once("close", () => unsent.hold(holder, 0));
      connection.onIdle(limits.connectionIdleTimeoutMs, (blocked) => {
        if (connection.destroyed || blocked) {
          // The client does not close its side, or does not read responses.
          socket.destroy();
        } else if (connection.openCount === 0) {
          // An open call has a deadline of its own.
          connection.close();
        }
      });
    },
    closeOneIdle() {
      let checkedCount = 0;
      for (const connection of connections) {
        if (connection.openCount === 0) {
          connection.close();
          return true;
        }
        if (++checkedCount === checkedMax) {
          return false;
        }
      }
      return false;
    },
  };
}
