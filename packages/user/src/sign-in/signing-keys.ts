import type { Clock } from "@parley/rpc";
import type { Database, Reader } from "@parley/store";
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JSONWebKeySet, type JWK } from "jose";

/** How long a key signs. A key that leaked unnoticed ends by itself. */
export const keySigningMs = 30 * 24 * 60 * 60 * 1000;
/** How long a key is still published after it signed last: longer than any token that it signed is valid. */
export const keyPublishedAfterMs = 60 * 60 * 1000;

/** A key to sign with, and the id that tokens name it by. */
export interface SigningKey {
  readonly id: string;
  readonly privateKey: CryptoKey | Uint8Array;
}

/** The keys that access tokens are signed with. They live in the service's database, so that all its replicas share them. */
export interface SigningKeys {
  /** The key to sign with now. Makes one where there is none or the last one signed long enough. */
  current(): Promise<SigningKey>;
  /** The public keys of all tokens that can still be valid (RFC 7517, section 5). */
  published(): Promise<JSONWebKeySet>;
}

export interface SigningKeysOptions {
  readonly database: Database;
  readonly clock: Clock;
  newId(): string;
}

interface KeyRow {
  readonly id: string;
  readonly private_jwk: string;
  readonly create_time: number;
}

export function createSigningKeys({ database, clock, newId }: SigningKeysOptions): SigningKeys {
  let signing: (SigningKey & { readonly untilMs: number }) | undefined;

  async function loadOrMake() {
    // Made outside the transaction, which must not wait for anything but the database.
    const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
    const spare = { id: newId(), jwk: JSON.stringify(await exportJWK(privateKey)) };
    const row = await database.transaction(async (transaction) => {
      const nowMs = clock.now();
      const newest = await findNewest(transaction);
      if (newest !== undefined && nowMs < newest.create_time + keySigningMs) {
        return newest;
      }
      await transaction.run(
        "INSERT INTO signing_keys (id, private_jwk, create_time) VALUES (?, ?, ?)",
        spare.id,
        spare.jwk,
        nowMs,
      );
      await transaction.run(
        "DELETE FROM signing_keys WHERE create_time <= ?",
        nowMs - keySigningMs - keyPublishedAfterMs,
      );
      return { id: spare.id, private_jwk: spare.jwk, create_time: nowMs };
    });
    const key = await importJWK(JSON.parse(row.private_jwk) as JWK, "EdDSA");
    signing = { id: row.id, privateKey: key, untilMs: row.create_time + keySigningMs };
    return signing;
  }

  return {
    async current() {
      return signing !== undefined && clock.now() < signing.untilMs ? signing : loadOrMake();
    },
    async published() {
      const rows = await database.all<KeyRow>(
        "SELECT id, private_jwk, create_time FROM signing_keys WHERE create_time > ? ORDER BY create_time DESC",
        clock.now() - keySigningMs - keyPublishedAfterMs,
      );
      return { keys: rows.map(publicJwk) };
    },
  };
}

function findNewest(reader: Reader): Promise<KeyRow | undefined> {
  return reader.get<KeyRow>(
    "SELECT id, private_jwk, create_time FROM signing_keys ORDER BY create_time DESC, id DESC LIMIT 1",
  );
}

// Names what is published, so that nothing private can slip through.
function publicJwk({ id, private_jwk }: KeyRow): JWK {
  const { kty, crv, x } = JSON.parse(private_jwk) as JWK;
  return { ...(kty && { kty }), ...(crv && { crv }), ...(x && { x }), kid: id, alg: "EdDSA", use: "sig" };
}
