import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

/** Where the page reads all contracts with their comments (google.protobuf.FileDescriptorSet): reflection needs a stream in both directions. */
export const contractsPath = "/console/contracts.binpb";

interface ContractsFile {
  readonly plain: Buffer;
  readonly gzip: Buffer;
  readonly etag: string;
}

let contracts: Promise<ContractsFile> | undefined;

/** Read when it is first asked for, and kept. */
export function readContracts(): Promise<ContractsFile> {
  contracts ??= read().catch((error: unknown) => {
    contracts = undefined;
    throw error;
  });
  return contracts;
}

async function read(): Promise<ContractsFile> {
  const plain = await readFile(new URL(import.meta.resolve("@parley/gen/contracts.binpb")));
  const etag = `"${createHash("sha256").update(plain).digest("base64url").slice(0, 16)}"`;
  return { plain, gzip: gzipSync(plain, { level: 6 }), etag };
}
