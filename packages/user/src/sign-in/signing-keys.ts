import type { Clock } from "@parley/rpc";
import type { Database, Reader } from "@parley/store";
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JSONWebKeySet, type JWK } from "jose";
import type { KeySeal } from "./key-seal.ts";

/** The time for which a key signs. It limits the use of a leaked key. */
export const keySigningMs = 30 * 24 * 60 * 60 * 1000;
/** The time for which a key is published after its last signature: longer than its tokens are valid. */
export const keyPublishedAfterMs = 60 * 60 * 1000;

/** A signing key, and its id in tokens. */
export interface SigningKey {
  readonly id: string;
  readonly privateKey: CryptoKey | Uint8Array;
}

/** The keys that sign access tokens. They are in the service's database, encrypted, so that all its replicas share them. */
export interface SigningKeys {
  /** The current signing key. Generates one if there is none or the last one is too old. */
  current(): Promise<SigningKey>;
  /**
   * Generates a new key, which signs from now on. Earlier keys stay published until their last tokens have expired, or are
   * deleted at once if they are revoked.
   */
  rotate(options?: { readonly revokeOldKeys?: boolean }): Promise<SigningKey>;
  /** Encrypts the keys that an earlier release stored in clear. */
  sealStored(): Promise<void>;
  /** The public keys of all tokens that can still be valid (RFC 7517, section 5). */
  published(): Promise<JSONWebKeySet>;
}

export interface SigningKeysOptions {
  readonly database: Database;
  readonly clock: Clock;
  newId(): string;
  /** Encrypts the private keys in the database. Without it they are stored in clear: only for an in-memory database. */
  readonly seal?: KeySeal | undefined;
}

interface KeyRow {
  readonly id: string;
  readonly private_jwk: string;
  readonly create_time: number;
}

export function createSigningKeys({ database, clock, newId, seal = unsealed }: SigningKeysOptions): SigningKeys {
  let signing: (SigningKey & { readonly untilMs: number }) | undefined;

  async function loadOrGenerate({ force = false, revokeOldKeys = false } = {}) {
    // Generated outside the transaction, which may await only its own statements.
    const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
    const spare = { id: newId(), jwk: seal.seal(JSON.stringify(await exportJWK(privateKey))) };
    const row = await database.transaction(async (transaction) => {
      const nowMs = clock.now();
      const newest = await findNewest(transaction);
      if (!force && newest !== undefined && nowMs < newest.create_time + keySigningMs) {
        return newest;
      }
      if (revokeOldKeys) {
        await transaction.run("DELETE FROM signing_keys");
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
    const key = await importJWK(JSON.parse(seal.open(row.private_jwk)) as JWK, "EdDSA");
    signing = { id: row.id, privateKey: key, untilMs: row.create_time + keySigningMs };
    return signing;
  }

  return {
    async current() {
      // Another replica may have generated a newer one, or revoked this one.
      const isNewest = signing !== undefined && (await findNewestId(database)) === signing.id;
      return signing !== undefined && isNewest && clock.now() < signing.untilMs ? signing : loadOrGenerate();
    },
    rotate: ({ revokeOldKeys = false } = {}) => loadOrGenerate({ force: true, revokeOldKeys }),
    async sealStored() {
      await database.transaction(async (transaction) => {
        for (const { id, private_jwk } of await transaction.all<KeyRow>("SELECT id, private_jwk FROM signing_keys")) {
          if (!seal.isSealed(private_jwk)) {
            await transaction.run("UPDATE signing_keys SET private_jwk = ? WHERE id = ?", seal.seal(private_jwk), id);
          }
        }
      });
    },
    async published() {
      const rows = await database.all<KeyRow>(
        "SELECT id, private_jwk, create_time FROM signing_keys WHERE create_time > ? ORDER BY create_time DESC",
        clock.now() - keySigningMs - keyPublishedAfterMs,
      );
      return { keys: rows.map((row) => publicJwk({ ...row, private_jwk: seal.open(row.private_jwk) })) };
    },
  };
}

/** Keys in clear, for an in-memory database. */
const unsealed: KeySeal = { seal: (text) => text, open: (stored) => stored, isSealed: () => true };

function findNewest(reader: Reader): Promise<KeyRow | undefined> {
  return reader.get<KeyRow>(
    "SELECT id, private_jwk, create_time FROM signing_keys ORDER BY create_time DESC, id DESC LIMIT 1",
  );
}

async function findNewestId(reader: Reader): Promise<string | undefined> {
  const sql = "SELECT id FROM signing_keys ORDER BY create_time DESC, id DESC LIMIT 1";
  return (await reader.get<Pick<KeyRow, "id">>(sql))?.id;
}

// Selects the published fields explicitly, so that no private field is published.
function publicJwk({ id, private_jwk }: KeyRow): JWK {
  const { kty, crv, x } = JSON.parse(private_jwk) as JWK;
  return { ...(kty && { kty }), ...(crv && { crv }), ...(x && { x }), kid: id, alg: "EdDSA", use: "sig" };
}
