import { gzip as compressGzip, constants } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import { compressionGzip } from "@connectrpc/connect-node";

/** A way of making messages smaller on the wire. */
export interface Compression {
  /** As in `grpc-encoding` and `content-encoding`. */
  readonly name: string;
  compress(bytes: Uint8Array): Promise<Buffer>;
  /** Rejects with RESOURCE_EXHAUSTED if more than `bytesMax` come out, without ever holding more. */
  decompress(bytes: Uint8Array, bytesMax: number): Promise<Uint8Array>;
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
  decompress: async (bytes, bytesMax) => compressionGzip.decompress(Uint8Array.from(bytes), bytesMax),
};

/** The compression that a request names; undefined for none. Throws UNIMPLEMENTED, naming those that there are. */
export function requestCompression(name: string | undefined, acceptHeader: string): Compression | undefined {
  if (name === undefined || name === "identity") {
    return undefined;
  }
  if (name === gzip.name) {
    return gzip;
  }
  const message = `unknown compression "${name}": supported encodings are ${gzip.name}`;
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
  return accepted.split(",").some((name) => name.trim() === gzip.name) ? gzip : undefined;
}
