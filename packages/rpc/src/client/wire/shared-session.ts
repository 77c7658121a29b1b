import type { ClientHttp2Stream, ClientSessionRequestOptions, OutgoingHttpHeaders } from "node:http2";
import type { Channel } from "../connection/channel.ts";
import type { Connection } from "../connection/connection.ts";

/** Lets the stock transports, which carry our streams, use a channel's connections (their `sessionManager` option). */
export class SharedSession {
  readonly authority: string;
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
    this.authority = `${channel.target.scheme}://${channel.target.authority}`;
  }

  request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Omit<ClientSessionRequestOptions, "signal">,
  ): Promise<ClientHttp2Stream> {
    return new Promise((resolve, reject) => {
      const begin = (connection: Connection) => {
        let stream: ClientHttp2Stream;
        try {
          stream = connection.session.request({ ...headers, ":method": method, ":path": path }, options);
        } catch (error) {
          this.#channel.release(connection);
          reject(error);
          return;
        }
        stream.once("response", () => connection.receivedCount++);
        stream.once("close", () => this.#channel.release(connection));
        resolve(stream);
      };
      const connection = this.#channel.acquire();
      if (connection === undefined) {
        this.#channel.wait({ onConnection: begin, onUnreachable: reject });
      } else {
        begin(connection);
      }
    });
  }

  /** A sign of life, for the stock transports' own keepalive; ours counts answers itself. */
  notifyResponseByteRead(): void {}
}
