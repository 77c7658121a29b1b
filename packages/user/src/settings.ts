import { flag, port, SettingsError, text } from "@parley/rpc/server";
import { parseDatabaseUrl } from "@parley/store";
import { createKeySeal, type KeySeal, readOrMakeSecret, secretCharsMin } from "./sign-in/key-seal.ts";

/** The user service's settings, besides those of every service. */
export const userSettings = {
  PORT: port({ default: 50051 }),
  DATABASE_URL: text({ default: "sqlite:./data/user.db" }),
  SAMPLE_DATA: flag({
    default: undefined,
    desc: "Whether sample users are created. Default: on with SQLite and AUTH=off. Never with AUTH=required.",
  }),
  SIGNING_KEY_SECRET: text({
    default: undefined,
    desc: "Encrypts the keys that sign access tokens. With SQLite, a file beside the database holds one by default; with PostgreSQL it must be set.",
  }),
  ADMIN_EMAIL: text({
    default: undefined,
    desc: "The e-mail address of the admin account that is created at the first start, with ADMIN_PASSWORD.",
  }),
  ADMIN_PASSWORD: text({ default: undefined, desc: "The admin's first password." }),
};

interface UserConfig {
  readonly AUTH: string;
  readonly DATABASE_URL: string;
  readonly SAMPLE_DATA?: boolean | undefined;
  readonly SIGNING_KEY_SECRET?: string | undefined;
}

/**
 * Whether the sample users are created. Throws {@link SettingsError} if they would be created with AUTH=required, where their published password
 * could be used.
 */
export function createsSamples({ AUTH: auth, DATABASE_URL: url, SAMPLE_DATA: asked }: UserConfig): boolean {
  if (auth === "required" && asked === true) {
    throw new SettingsError(
      "SAMPLE_DATA: must be off with AUTH=required, since the sample users' password is published",
    );
  }
  return asked ?? (auth === "off" && url.startsWith("sqlite:"));
}

/** The encryption of the signing keys: with the secret of the settings, or with one in a file beside the SQLite database. */
export async function keySealOf({
  DATABASE_URL: url,
  SIGNING_KEY_SECRET: secret,
}: UserConfig): Promise<KeySeal | undefined> {
  if (secret !== undefined) {
    if (secret.length < secretCharsMin) {
      throw new SettingsError(`SIGNING_KEY_SECRET: must have at least ${secretCharsMin} characters`);
    }
    return createKeySeal(secret);
  }
  const database = parseDatabaseUrl(url);
  if (database.kind === "postgres") {
    throw new SettingsError(
      "SIGNING_KEY_SECRET: must be set with PostgreSQL, to the same secret for all replicas: it encrypts the signing keys in the database. For example: openssl rand -base64 32",
    );
  }
  return database.kind === "sqlite-file" ? createKeySeal(await readOrMakeSecret(`${database.path}.secret`)) : undefined;
}
