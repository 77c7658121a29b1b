import { gzip as compressGzip, constants, gunzip as decompressGzip } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";

/** A compression of messages. */
export interface Compression {
  /** Its name in `grpc-encoding` and `content-encoding`. */
  readonly name: string;
  compress(bytes: Uint8Array): Promise<Buffer>;
  /** Rejects with RESOURCE_EXHAUSTED as soon as the output exceeds `bytesMax`, and never buffers more. */
  decompress(bytes: Uint8Array, bytesMax: number): Promise<Buffer>;
}

/** The only supported one. All clients support gzip, and brotli takes more than ten times as long for a typical message. */
export const gzip: Compression = {
  name: "gzip",
  compress(bytes) {
    return new Promise((resolve, reject) => {
      // Level 1: higher levels take several times as long to save a few percent more.
      compressGzip(bytes, { level: constants.Z_BEST_SPEED }, (error, compressed) =>
        error === null ? resolve(compressed) : reject(error),
      );
    });
  },
  decompress(bytes, bytesMax) {
    if (bytes.length === 0) {
      return Promise.resolve(nothing);
    }
    // Asynchronous, on libuv's threads. `maxOutputLength` stops it as soon as the output is too large.
    return new Promise((resolve, reject) => {
      decompressGzip(bytes, { maxOutputLength: bytesMax }, (error, plain) =>
        error === null ? resolve(plain) : reject(decompressionError(error, bytesMax)),
      );
    });
  },
};

const nothing = Buffer.alloc(0);

function decompressionError(error: Error, bytesMax: number): ConnectError {
  if ("code" in error && error.code === "ERR_BUFFER_TOO_LARGE") {
    const message = `message is larger than configured readMaxBytes ${bytesMax} after decompression`;
    return new ConnectError(message, Code.ResourceExhausted);
  }
  return new ConnectError(
    `The request cannot be decompressed: the gzip data is corrupt or truncated.`,
    Code.InvalidArgument,
  );
}

/** A request's compression. Undefined for none. Throws UNIMPLEMENTED, with the supported ones, for an unknown name. */
export function requestCompression(name: string | undefined, acceptHeader: string): Compression | undefined {
  // Content codings are case-insensitive (RFC 9110, section 8.4.1).
  switch (name?.toLowerCase()) {
    case undefined:
    case "":
    case "identity":
      return undefined;
    case gzip.name:
    // The same, by its old name (RFC 9110, section 8.4.1.3).
    case "x-gzip":
      return gzip;
  }
  const message = `The compression "${name?.slice(0, 50)}" is not supported. Use ${gzip.name}, or none.`;
  throw new ConnectError(message, Code.Unimplemented, { [acceptHeader]: gzip.name });
}

/** A compression that the caller accepts. If it names none, the one of its request. */
export function responseCompression(
  accepted: string | undefined,
  requested: Compression | undefined,
): Compression | undefined {
  if (accepted === undefined || accepted === "") {
    return requested;
  }
  return accepted.split(",").some((name) => name.split(";", 1)[0]?.trim().toLowerCase() === gzip.name)
    ? gzip
    : undefined;
}
