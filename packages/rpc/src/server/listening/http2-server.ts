import { createServer } from "node:http2";
import type { Socket } from "node:net";
import { errorCode, Http2Connection, NodeStream, ReadTurns, requestHeaders } from "@parley/http2";
import { refuseHost2 } from "../http/refuse-host.ts";
import type { HttpOptions } from "./listener-options.ts";

/** The HTTP/2 side of a listener. */
export interface Http2Side {
  accept(socket: Socket): void;
  readonly connections: ReadonlySet<Http2Connection>;
  /** Closes one connection without a stream on it. False where there is none among those looked at. */
  closeOneIdle(): boolean;
}

/** So many times as late as calls may be: refusing is not fast enough. */
const hopelessTimes = 20;
const narrowedBy = 16;

/** How many connections {@link Http2Side.closeOneIdle} looks at: it is asked for each new connection at the limit. */
const lookedAtMax = 64;

export function createHttp2({ limits, handle, unary, quickRefusal, hostCheck, state, spoke }: HttpOptions): Http2Side {
  const connections = new Set<Http2Connection>();
  const turns = new ReadTurns(limits.readTurnMs);
  // Node makes requests and responses of streams in a server that has a listener for them. This one never listens to
  // a port: it is given the streams that the unary path leaves.
  const compatibility = createServer(handle);
  return {
    connections,
    accept(socket) {
      let narrowed = false;
      // Where even refusing does not catch up, the excess waits at its sender: with fewer streams it can send less.
      const narrow = (wanted: boolean) => {
        if (wanted !== narrowed) {
          narrowed = wanted;
          const { streamsPerConnectionMax: most } = limits;
          connection.allowStreams(wanted ? Math.max(1, Math.floor(most / narrowedBy)) : most);
        }
      };
      // It was accepted before the port was closed. A GOAWAY ahead of its first call would turn that call away.
      let announceLater = state.draining;
      const connection = new Http2Connection(socket, {
        role: "server",
        streamsMax: limits.streamsPerConnectionMax,
        streamWindowBytes: limits.streamWindowBytes,
        connectionWindowBytes: limits.connectionWindowBytes,
        headerBytesMax: limits.headerBytesMax,
        turns,
        resets: { burstMax: limits.streamResetBurstMax, perSecondMax: limits.streamResetsPerSecondMax },
        listener: {
          onStream(stream, block) {
            const { behindMs } = connection;
            if (quickRefusal?.refuse(stream, block, behindMs) === true) {
              narrow(behindMs > limits.readBacklogMaxMs * hopelessTimes);
              return;
            }
            narrow(false);
            const headers = block.tooLarge ? undefined : requestHeaders(block);
            if (headers === undefined) {
              stream.reset(block.tooLarge ? errorCode.enhanceYourCalm : errorCode.protocol);
              return;
            }
            if (announceLater) {
              announceLater = false;
              connection.announceClose();
            }
            stream.expectedBytes = Number(headers["content-length"] ?? -1);
            if (connection.openCount === 1) {
              spoke(socket);
            }
            if (hostCheck !== undefined && !hostCheck((headers[":authority"] as string | undefined) ?? headers.host)) {
              refuseHost2(stream, headers);
            } else if (unary?.http2(stream, { headers, socket }) !== true) {
              const whole = new NodeStream(stream, socket);
              whole.headRequest = headers[":method"] === "HEAD";
              compatibility.emit("stream", whole, headers, 0, block.fields);
            }
          },
          onClose: () => connections.delete(connection),
        },
      });
      connections.add(connection);
      socket.setTimeout(limits.connectionIdleTimeoutMs);
      socket.on("timeout", () => {
        if (connection.destroyed || socket.writableLength > 0) {
          // The client does not close its side, or reads nothing of its answers.
          socket.destroy();
        } else if (connection.openCount === 0) {
          // Silence inside a call is bounded by the call's own deadline.
          connection.close();
        }
      });
    },
    closeOneIdle() {
      let lookedAt = 0;
      for (const connection of connections) {
        if (connection.openCount === 0) {
          connection.close();
          return true;
        }
        if (++lookedAt === lookedAtMax) {
          return false;
        }
      }
      return false;
    },
  };
}
