import { gzip as compressGzip, constants, gunzip as decompressGzip } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";

/** A way of making messages smaller on the wire. */
export interface Compression {
  /** As in `grpc-encoding` and `content-encoding`. */
  readonly name: string;
  compress(bytes: Uint8Array): Promise<Buffer>;
  /** Rejects with RESOURCE_EXHAUSTED if more than `bytesMax` come out, without ever holding more. */
  decompress(bytes: Uint8Array, bytesMax: number): Promise<Buffer>;
}

/** The only one: every client speaks it, and brotli costs more than ten times as much for a message's worth of bytes. */
export const gzip: Compression = {
  name: "gzip",
  compress(bytes) {
    return new Promise((resolve, reject) => {
      // Level 1: the others cost a multiple for a few per cent.
      compressGzip(bytes, { level: constants.Z_BEST_SPEED }, (error, compressed) =>
        error === null ? resolve(compressed) : reject(error),
      );
    });
  },
  decompress(bytes, bytesMax) {
    if (bytes.length === 0) {
      return Promise.resolve(nothing);
    }
    // Asynchronous: libuv's threads do the work. `maxOutputLength` ends it as soon as more comes out.
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

/** The compression that a request names; undefined for none. Throws UNIMPLEMENTED, naming those that there are. */
export function requestCompression(name: string | undefined, acceptHeader: string): Compression | undefined {
  // Names of codings are case-insensitive (RFC 9110, section 8.4.1).
  switch (name?.toLowerCase()) {
    case undefined:
    case "identity":
      return undefined;
    case gzip.name:
      return gzip;
  }
  const message = `The compression "${name?.slice(0, 50)}" is not supported. Use ${gzip.name}, or none.`;
  throw new ConnectError(message, Code.Unimplemented, { [acceptHeader]: gzip.name });
}

/** The compression that the caller reads; where it does not say, the one that it uses itself. */
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
