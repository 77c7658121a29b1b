import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";

/** Encrypts the stored private signing keys. */
export interface KeySeal {
  /** Encrypts a text. */
  seal(text: string): string;
  /** Decrypts a text; an unsealed one is returned unchanged. Throws {@link KeySealError} for another secret. */
  open(stored: string): string;
  isSealed(stored: string): boolean;
}

/** A stored key cannot be decrypted. */
export class KeySealError extends Error {
  override readonly name = "KeySealError";
}

/** The fewest characters of a secret: the length of 24 random bytes in base64. */
export const secretCharsMin = 32;

const prefix = "sealed:1:";
const algorithm = "aes-256-gcm";
const keyBytes = 32;
/** NIST SP 800-38D, section 8.2. */
const nonceBytes = 12;
const tagBytes = 16;

/** Encrypts with AES-256-GCM, with a key derived from the secret (HKDF, RFC 5869). */
export function createKeySeal(secret: string): KeySeal {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "parley signing keys", keyBytes));
  const isSealed = (stored: string) => stored.startsWith(prefix);
  return {
    isSealed,
    seal(text) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce);
      const sealed = Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
      return prefix + sealed.toString("base64url");
    },
    open(stored) {
      if (!isSealed(stored)) {
        return stored;
      }
      const bytes = Buffer.from(stored.slice(prefix.length), "base64url");
      try {
        const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes));
        decipher.setAuthTag(bytes.subarray(-tagBytes));
        const text = decipher.update(bytes.subarray(nonceBytes, -tagBytes));
        return Buffer.concat([text, decipher.final()]).toString("utf8");
      } catch (cause) {
        const message = "The signing keys in the database are encrypted with another secret than SIGNING_KEY_SECRET.";
        throw new KeySealError(message, { cause });
      }
    },
  };
}

/** The secret in a file of its own, generated if there is none, and readable by its owner alone. */
export async function readOrMakeSecret(file: string): Promise<string> {
  const made = randomBytes(keyBytes).toString("base64url");
  // Written completely under another name first, so that another process never reads an empty file.
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  await writeFile(draft, made, { flag: "wx", mode: 0o600 });
  try {
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw error;
    }
  } finally {
    await rm(draft);
  }
  return (await readFile(file, "utf8")).trim();
}
