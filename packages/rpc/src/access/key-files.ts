import { readFile } from "node:fs/promises";
import type { JSONWebKeySet, JWK } from "jose";
import { serviceOfKey } from "../call/token-claims.ts";

/**
 * Reads the public keys of the platform's services, a JWK Set (RFC 7517) in which each key's id is `<service>/<anything>`. Rejects
 * if the file cannot be read, is not a JWK Set, or contains a private key, which only its service may have.
 */
export async function readServiceKeys(file: string): Promise<JSONWebKeySet> {
  const set = await readJson<Partial<JSONWebKeySet>>(file);
  if (!Array.isArray(set?.keys)) {
    throw new Error(`${file} is not a JWK Set`);
  }
  for (const { kid, d } of set.keys) {
    if (serviceOfKey(kid ?? "") === "") {
      throw new Error(`${file}: the key id ${kid ?? "(none)"} is not of the form <service>/<anything>`);
    }
    if (d !== undefined) {
      throw new Error(`${file}: the key ${kid} is a private key`);
    }
  }
  return { keys: set.keys };
}

/** Reads the private key of a service, a JWK. Rejects if it cannot be read, or is not this service's. */
export async function readServiceKey(name: string, file: string): Promise<JWK> {
  const key = await readJson<JWK>(file);
  if (serviceOfKey(key?.kid ?? "") !== name || key.d === undefined) {
    throw new Error(
      `${file} contains no private key of the service ${name}: a key with an id of the form ${name}/<anything>`,
    );
  }
  return key;
}

async function readJson<T>(file: string): Promise<T> {
  const text = await readFile(file, "utf8");
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new Error(`${file} contains no key: it is not JSON`, { cause });
  }
}
