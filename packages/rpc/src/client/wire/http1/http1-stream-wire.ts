import type { ClientRequest, IncomingMessage } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import { markDeliveryStatus } from "../../call/attempt-outcome.ts";
import { deadlinePassed } from "../../call/call-end.ts";
import type { ClientStream, StreamWire } from "../streams/client-stream.ts";
import type { RequestPump } from "../streams/request-pump.ts";
import {
  boundInterimResponses,
  brokenConnection,
  type Http1RequestInit,
  noConnection,
  openHttp1Request,
} from "./http1-request.ts";

/** Unread response bytes at which reading from the connection pauses. */
const unprocessedBytesMax = 1 << 20;

/** A streaming call over HTTP/1.1: request and response may overlap if the server allows it. */
export class Http1StreamWire implements StreamWire {
  readonly #init: Http1RequestInit;
  readonly #call: ClientStream;
  readonly #pump: RequestPump;
  #request: ClientRequest | undefined;
  #response: IncomingMessage | undefined;
  #connected = false;
  #unprocessedBytes = 0;

  constructor(init: Http1RequestInit, { call, pump }: { readonly call: ClientStream; readonly pump: RequestPump }) {
    this.#init = init;
    this.#call = call;
    this.#pump = pump;
  }

  /** Throws a ConnectError if the request has a header that must not be sent. */
  start(): void {
    const request = openHttp1Request(this.#init);
    this.#request = request;
    this.#call.start(this);
    request.on("error", (error) =>
      this.#call.onFailure(this.#connected ? brokenConnection(error) : noConnection(this.#init.target, error)),
    );
    boundInterimResponses(request);
    request.on("response", (response) => this.#receive(response));
    request.on("drain", () => this.#pump.drained());
    // The caller's iterable is not read before there is a connection.
    request.on("socket", () => {
      this.#connected = true;
      request.flushHeaders();
      void this.#pump.run(this);
    });
  }

  send(bytes: Buffer): boolean {
    return this.#request?.destroyed === true || this.#request?.write(bytes) !== false;
  }

  end(): void {
    this.#request?.end();
  }

  taken(bytes: number): void {
    this.#unprocessedBytes -= bytes;
    if (bytes > 0 && this.#unprocessedBytes < unprocessedBytesMax) {
      this.#response?.resume();
    }
  }

  cancel(): void {
    const request = this.#request;
    // A connection whose exchange is complete is kept for the next call.
    if (request?.writableEnded === false || this.#response?.complete !== true) {
      request?.destroy();
    }
  }

  expired(): ConnectError {
    return deadlinePassed(this.#connected ? "unknown" : "unreachable");
  }

  #receive(response: IncomingMessage): void {
    this.#response = response;
    response.on("data", (bytes: Buffer) => {
      this.#unprocessedBytes += bytes.length;
      if (this.#unprocessedBytes >= unprocessedBytesMax) {
        response.pause();
      }
      this.#call.onPiece(bytes);
    });
    response.on("error", (error) => this.#call.onFailure(brokenConnection(error)));
    response.on("end", () => this.#call.onEnd());
    response.on("close", () => {
      if (!response.complete) {
        const lost = new ConnectError("the connection was lost", Code.Unavailable);
        this.#call.onFailure(markDeliveryStatus(lost, "lost"));
      } else if (this.#request?.writableEnded === false) {
        // The server needs no more of the request.
        this.#request.destroy();
      }
    });
    this.#call.onHead(response.statusCode ?? 0, response.headers);
  }
}
