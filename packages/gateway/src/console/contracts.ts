import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

/** The path of all contracts with their comments (google.protobuf.FileDescriptorSet). Browsers cannot use reflection, a bidirectional stream. */
export const contractsPath = "/console/contracts.binpb";

interface ContractsFile {
  readonly plain: Buffer;
  readonly gzip: Buffer;
  readonly etag: string;
}

let contracts: Promise<ContractsFile> | undefined;

/** Reads the contracts on the first call, and caches them. */
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
