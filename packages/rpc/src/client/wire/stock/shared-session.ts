import type { ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import { encodeFields, NodeStream, objectToFields } from "@parley/http2";
import type { Channel } from "../../connection/channel.ts";
import type { Connection } from "../../connection/client-connection.ts";

/** Lets the stock transports, for streams, use a channel's connections (their `sessionManager` option). */
export class SharedSession {
  readonly authority: string;
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
    this.authority = `${channel.target.scheme}://${channel.target.authority}`;
  }

  request(method: string, path: string, headers: OutgoingHttpHeaders): Promise<ClientHttp2Stream> {
    return new Promise((resolve, reject) => {
      const begin = (connection: Connection) => {
        let stream: NodeStream;
        try {
          stream = new NodeStream(connection.http2.open(this.#block(method, path, headers)), connection.http2.socket);
        } catch (error) {
          this.#channel.release(connection);
          reject(error);
          return;
        }
        stream.once("response", () => connection.receivedCount++);
        stream.once("close", () => this.#channel.release(connection));
        // It has the interface of Node's own streams.
        resolve(stream as unknown as ClientHttp2Stream);
      };
      const connection = this.#channel.acquire();
      if (connection === undefined) {
        this.#channel.wait({ onConnection: begin, onUnreachable: reject });
      } else {
        begin(connection);
      }
    });
  }

  #block(method: string, path: string, headers: OutgoingHttpHeaders): Buffer {
    const { scheme, authority } = this.#channel.target;
    return encodeFields(
      objectToFields({ ":method": method, ":scheme": scheme, ":authority": authority, ":path": path, ...headers }),
    );
  }

  /** A PING, for the stock transports' own keepalive; ours counts responses itself. */
  notifyResponseByteRead(): void {}
}
