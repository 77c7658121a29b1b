import { generateKeyPairSync, randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ServiceDefinition } from "../service/service-registry.ts";

/** The files of the keys for authentication between services. */
export interface ServiceKeys {
  /** The public keys of all services, a JWK Set. */
  readonly publicFile: string;
  /** The private key of each service that calls others, a JWK, by the service's name. */
  readonly privateFiles: ReadonlyMap<string, string>;
}

/** An existing key file cannot be used. */
export class UnusableKeyError extends Error {
  constructor(service: string, file: string) {
    super(`${file} contains no key of the ${service} service. Remove it; the next start generates a new key.`);
    this.name = "UnusableKeyError";
  }
}

/** An Ed25519 key as a JWK (RFC 8037, section 2); only the fields that are read here. */
interface Key {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
  readonly d: string;
  /** `<service>/<anything>`: the service that it belongs to. */
  readonly kid: string;
}

/**
 * Generates a key pair for each service that calls others, if it has none yet, and writes the public ones into one file. All
 * services count, not only those that start now: another terminal may start the rest. Keys are not data: `--fresh` keeps them, and
 * a deleted file is replaced by a new key at the next start.
 * @throws UnusableKeyError for an existing file without a key.
 */
export async function ensureServiceKeys(
  services: readonly ServiceDefinition[],
  { folder }: { readonly folder: string },
): Promise<ServiceKeys> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const privateFiles = new Map<string, string>();
  const publicKeys: object[] = [];
  for (const { name, calls } of services) {
    if (calls.length > 0) {
      const file = join(folder, `${name}.json`);
      const { d: _private, ...publicKey } = await ensureKey(name, file);
      privateFiles.set(name, file);
      publicKeys.push({ ...publicKey, alg: "EdDSA", use: "sig" });
    }
  }
  const publicFile = join(folder, "services.json");
  await replaceFile(publicFile, `${JSON.stringify({ keys: publicKeys }, undefined, 2)}\n`);
  return { publicFile, privateFiles };
}

async function ensureKey(name: string, file: string): Promise<Key> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const key = JSON.stringify({ ...privateKey.export({ format: "jwk" }), kid: `${name}/${randomUUID()}` });
  const written = await writeBeside(file, `${key}\n`, 0o600);
  try {
    // Unlike a rename it does not replace an existing key, from before or by another stack that starts at the same time.
    await link(written, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw error;
    }
  } finally {
    await rm(written);
  }
  return readKey(name, file);
}

async function readKey(name: string, file: string): Promise<Key> {
  const key: Partial<Key> | undefined = parsed(await readFile(file, "utf8"));
  const { kty, crv, x, d, kid } = key ?? {};
  if (kty !== "OKP" || crv !== "Ed25519" || x === undefined || d === undefined || !kid?.startsWith(`${name}/`)) {
    throw new UnusableKeyError(name, file);
  }
  return { kty, crv, x, d, kid };
}

function parsed(text: string): Partial<Key> | undefined {
  try {
    return JSON.parse(text) as Partial<Key>;
  } catch {
    // The caller reports the file as unusable.
    return undefined;
  }
}

/** Atomic: a service that reads meanwhile sees the whole old file or the whole new one. */
async function replaceFile(file: string, text: string): Promise<void> {
  await rename(await writeBeside(file, text, 0o644), file);
}

async function writeBeside(file: string, text: string, mode: number): Promise<string> {
  const beside = `${file}.${randomUUID()}`;
  await writeFile(beside, text, { mode, flag: "wx" });
  return beside;
}
