import { Code, ConnectError } from "@connectrpc/connect";
import { endStreamFromJson } from "@connectrpc/connect/protocol-connect";
import { codeFromHttpStatus } from "../../../protocol/codes.ts";
import { connectEndStreamFlag } from "../../../protocol/envelope.ts";
import { headersFromNode } from "../../../protocol/metadata.ts";
import { formatConnectTimeout } from "../../../protocol/timeouts.ts";
import type { NodeFields } from "../unary-answer.ts";
import type { WireOptions } from "../unary-protocol.ts";
import {
  checkContentType,
  readsGzip,
  type StreamEnd,
  type StreamProtocol,
  type StreamReading,
  withHeaders,
} from "./stream-protocol.ts";

/** Streams of the Connect protocol ("Streaming-Request", "Streaming-Response"). */
export function connectStreamProtocol(options: WireOptions): StreamProtocol {
  const contentType = `application/connect+${options.codec}`;
  const accepted = new Set([contentType, ...(options.codec === "json" ? [`${contentType}; charset=utf-8`] : [])]);
  return {
    name: "connect",
    fields: [
      "content-type",
      contentType,
      "connect-protocol-version",
      "1",
      "user-agent",
      options.userAgent,
      ...(options.acceptGzip ? ["connect-accept-encoding", "gzip"] : []),
      ...(options.sendGzip ? ["connect-content-encoding", "gzip"] : []),
    ],
    timeoutName: "connect-timeout-ms",
    formatTimeout: formatConnectTimeout,
    begin(status, headers) {
      if (status !== 200) {
        throw new ConnectError(`HTTP ${status}`, codeFromHttpStatus(status), headersFromNode(headers));
      }
      const gzip = readsGzip(headers, "connect-content-encoding");
      checkContentType(headers, accepted, /^application\/(connect\+)?(proto|json)(;|$)/);
      return new ConnectReading(headers, gzip);
    },
  };
}

class ConnectReading implements StreamReading {
  readonly gzip: boolean;
  readonly endFlag = connectEndStreamFlag;
  readonly #headers: NodeFields;

  constructor(headers: NodeFields, gzip: boolean) {
    this.#headers = headers;
    this.gzip = gzip;
  }

  readEnd(payload: Buffer): StreamEnd {
    const { error, metadata } = endStreamFromJson(payload);
    return { trailer: metadata, error: error === undefined ? undefined : withHeaders(error, this.#headers) };
  }

  close({ end }: Parameters<StreamReading["close"]>[0]): StreamEnd {
    if (end === undefined) {
      throw new ConnectError(
        "protocol error: missing EndStreamResponse",
        Code.Internal,
        headersFromNode(this.#headers),
      );
    }
    return end;
  }
}
