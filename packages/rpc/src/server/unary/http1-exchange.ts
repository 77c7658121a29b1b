import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import { peerOf } from "../peer.ts";
import { cutStalledSocket } from "../slow-client.ts";
import { type Answer, type BodyReceiver, type Exchange, emptyBody } from "./exchange.ts";

/** A request over HTTP/1.1. Trailers are not for HTTP/1.1: gRPC, which needs them, goes the long way there. */
export class Http1Exchange implements Exchange {
  readonly requestMethod: string;
  readonly target: string;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #bodyBytes = 0;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
    this.requestMethod = request.method ?? "";
    this.target = request.url ?? "";
    request.on("error", ignore);
    response.on("error", ignore);
    response.on("timeout", cutStalledSocket);
  }

  get headers(): IncomingHttpHeaders {
    return this.#request.headers;
  }

  get url(): string {
    const scheme = "encrypted" in this.#request.socket ? "https" : "http";
    return `${scheme}://${this.headers.host ?? "localhost"}${this.target}`;
  }

  get peer(): string {
    return peerOf(this.#request.socket);
  }

  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  get open(): boolean {
    return !this.#response.destroyed;
  }

  readBody(bytesMax: number, receiver: BodyReceiver): void {
    let body = emptyBody;
    let chunks: Buffer[] | undefined;
    this.#request.on("data", (chunk: Buffer) => {
      this.#bodyBytes += chunk.length;
      const bytes = this.#bodyBytes;
      if (bytes > bytesMax) {
        if (bytes - chunk.length <= bytesMax) {
          const beginning = Buffer.concat([...(chunks ?? [body]), chunk]);
          chunks = undefined;
          body = emptyBody;
          receiver.onBodyTooLong(beginning);
        }
      } else if (bytes === chunk.length) {
        body = chunk;
      } else {
        chunks ??= [body];
        chunks.push(chunk);
      }
    });
    this.#request.on("end", () => {
      if (this.#bodyBytes <= bytesMax) {
        receiver.onBody(chunks === undefined ? body : Buffer.concat(chunks));
      }
    });
  }

  respond({ status, headers, body = emptyBody }: Answer): void {
    if (!this.open) {
      return;
    }
    headers["content-length"] = body.length;
    // What is left of the body is read and dropped, by us or by Node: closing the connection on a client that still sends would
    // cost it the answer. `Server.requestTimeout` bounds how long it may go on.
    this.#response.writeHead(status, headers);
    this.#response.end(body);
  }

  onGone(callback: (reason: () => ConnectError) => void): void {
    this.#response.on("close", () => callback(reasonOfClose));
  }
}

function reasonOfClose(): ConnectError {
  return new ConnectError("the caller cancelled the call or went away", Code.Canceled);
}

function ignore(): void {}
