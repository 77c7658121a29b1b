import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createKeySeal } from "@parley/user";
import type { RunningStack } from "./running-stack.ts";

/** The admin account for `AUTH=required npm start`. */
export const admin = { ADMIN_EMAIL: "root@example.com", ADMIN_PASSWORD: "let-the-admin-in" };

/** A caller: its headers, and its result for a method that is not public. */
export interface TestCaller {
  readonly headers: Readonly<Record<string, string>>;
  /** The identity that the platform assigns to the caller, or the reason why it is refused. */
  readonly is: "anonymous" | "other" | "owner" | "admin" | "service" | "refused" | "ended";
  /** Whether one protocol is enough: the validity of a token does not depend on the protocol. */
  readonly rare?: true;
}

/** A REST sign-in through the gateway. */
export interface SignedIn {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** The password of every user that {@link signUp} creates. */
export const testPassword = "correct-horse";

/** Creates an account over REST through the gateway. Returns its id. */
export async function signUp(gateway: string, email: string): Promise<string> {
  const answer = await fetch(`${gateway}/users`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: email.split("@")[0], email, password: testPassword }),
  });
  if (!answer.ok) {
    throw new Error(`${email} could not sign up: ${answer.status} ${await answer.text()}`);
  }
  return ((await answer.json()) as { user: { id: string } }).user.id;
}

export async function signIn(gateway: string, email: string, password = testPassword): Promise<SignedIn> {
  const answer = await fetch(`${gateway}/users:login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  if (!answer.ok) {
    throw new Error(`${email} could not sign in: ${answer.status} ${await answer.text()}`);
  }
  return (await answer.json()) as SignedIn;
}

/** Forges tokens with stolen keys: signs tokens that the platform would never sign. */
export interface Keyring {
  readonly user: SigningKey;
  readonly order: SigningKey;
  /** A key that last signed longer ago than any token lives, and is no longer published. */
  readonly rotatedOut: SigningKey;
  /** A key that no longer signs, but whose last tokens are still valid. */
  readonly retiring: SigningKey;
}

export interface SigningKey {
  readonly id: string;
  readonly key: KeyObject;
}

const dayMs = 24 * 60 * 60_000;

/** Reads the keys of a running stack, and gives the user service two older ones, as after a month of key rotation. */
export async function stealKeys({ dataFolder }: Pick<RunningStack, "dataFolder">): Promise<Keyring> {
  const order = JSON.parse(await readFile(join(dataFolder, "keys", "order.json"), "utf8"));
  const database = new DatabaseSync(join(dataFolder, "user.db"), { timeout: 5_000 });
  try {
    const row = database.prepare("SELECT id, private_jwk FROM signing_keys").get() ?? {};
    const seal = createKeySeal(await readFile(join(dataFolder, "user.db.secret"), "utf8"));
    const insert = database.prepare("INSERT INTO signing_keys (id, private_jwk, create_time) VALUES (?, ?, ?)");
    const older = (id: string, ageMs: number): SigningKey => {
      const { privateKey } = generateKeyPairSync("ed25519");
      insert.run(id, JSON.stringify(privateKey.export({ format: "jwk" })), Date.now() - ageMs);
      return { id, key: privateKey };
    };
    return {
      user: {
        id: String(row.id),
        key: createPrivateKey({ key: JSON.parse(seal.open(String(row.private_jwk))), format: "jwk" }),
      },
      order: { id: order.kid, key: createPrivateKey({ key: order, format: "jwk" }) },
      rotatedOut: older("rotated-out", 31 * dayMs),
      retiring: older("retiring", 30 * dayMs + 60_000),
    };
  } finally {
    database.close();
  }
}

/** The claims of a user's access token, as the user service issues it. */
export function userClaims(userId: string, lifetimeS = 900): Record<string, unknown> {
  const nowS = Math.floor(Date.now() / 1000);
  return { sub: userId, role: "customer", iss: "parley/users", aud: "parley", iat: nowS, exp: nowS + lifetimeS };
}

/** Claims of the order service's own token. */
export function serviceClaims(): Record<string, unknown> {
  return { ...userClaims("order"), role: undefined, iss: "parley/services" };
}

/** Signs a token with these claims. Fields of `header` override the correct ones. */
export function forge(claims: object, { id, key }: SigningKey, header: object = {}): string {
  const signed = unsigned(claims, { alg: "EdDSA", typ: "at+jwt", kid: id, ...header });
  return `${signed}.${sign(null, Buffer.from(signed), key).toString("base64url")}`;
}

/** A token signed by HMAC with the public key as the secret. A careless verifier accepts it (algorithm confusion). */
export function confuse(claims: object, { id, key }: SigningKey): string {
  const signed = unsigned(claims, { alg: "HS256", typ: "at+jwt", kid: id });
  const secret = createPublicKey(key).export({ type: "spki", format: "pem" });
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** An unsigned token. */
export function unsigned(claims: object, header: object): string {
  return [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
}

/** All callers of the matrix, by their description. */
export async function everyCaller(
  gateway: string,
  { keys, aliceId }: { readonly keys: Keyring; readonly aliceId: string },
): Promise<Readonly<Record<string, TestCaller>>> {
  const aliceClaims = (lifetimeS?: number) => userClaims(aliceId, lifetimeS);
  const alice = await signIn(gateway, "alice@example.com");
  const bob = await signIn(gateway, "bob@example.com");
  const root = await signIn(gateway, admin.ADMIN_EMAIL, admin.ADMIN_PASSWORD);
  const service = forge(serviceClaims(), keys.order, { typ: "service+jwt" });
  const common = {
    none: { is: "anonymous", headers: {} },
    "another user": be("other", bob.accessToken),
    owner: be("owner", alice.accessToken),
    admin: be("admin", root.accessToken),
    "a service": be("service", service),
    "a user who claims to call for an admin": be("other", bob.accessToken, {
      "x-on-behalf-of": `Bearer ${root.accessToken}`,
      "x-forwarded-by": `Bearer ${bob.accessToken}`,
    }),
    "an expired token": be("ended", forge(aliceClaims(-1), keys.user)),
    "a token for another audience": be("refused", forge({ ...aliceClaims(), aud: "elsewhere" }, keys.user)),
    "a token of a rotated-out key": be("refused", forge(aliceClaims(), keys.rotatedOut)),
    "alg none": be("refused", `${unsigned(aliceClaims(), { alg: "none", typ: "at+jwt" })}.`),
    "HS256 with the public key": be("refused", confuse({ ...aliceClaims(), role: "admin" }, keys.user)),
    "a refresh token": be("refused", alice.refreshToken),
    "the token with which a gateway forwards": be(
      "refused",
      forge(serviceClaims(), keys.order, { typ: "forwarder+jwt" }),
    ),
    "a service's token for another contract": be(
      "refused",
      forge({ ...serviceClaims(), aud: ["parley", "shipping.v1.ShippingService"] }, keys.order, { typ: "service+jwt" }),
    ),
  } as const satisfies Record<string, TestCaller>;
  const forgeries = Object.entries(everyForgery(keys, aliceClaims())).map(
    ([what, token]) => [what, be("refused", token)] as const,
  );
  const rare: Readonly<Record<string, TestCaller>> = {
    "a service for another user": be("service", service, { "x-on-behalf-of": `Bearer ${bob.accessToken}` }),
    "a service for an unknown user": be("service", service, { "x-on-behalf-of": "Bearer made-up" }),
    "a caller without a token, who claims to call for an admin": {
      is: "anonymous",
      headers: { "x-on-behalf-of": `Bearer ${root.accessToken}`, "x-forwarded-by": `Bearer ${service}` },
    },
    "a token of a retiring key": be("owner", forge(aliceClaims(), keys.retiring)),
    "another scheme": { is: "refused", headers: { authorization: "Basic YWxpY2U6cGFybGV5" } },
    ...Object.fromEntries(forgeries),
  };
  const marked = Object.entries(rare).map(([who, caller]) => [who, { ...caller, rare: true }] as const);
  return { ...common, ...Object.fromEntries(marked) };
}

function be(is: TestCaller["is"], token: string, more: Readonly<Record<string, string>> = {}): TestCaller {
  return { is, headers: { authorization: `Bearer ${token}`, ...more } };
}

/** Tokens that are signed with keys of the platform and must be refused nevertheless. */
function everyForgery(keys: Keyring, alice: object): Readonly<Record<string, string>> {
  const stranger = { ...keys.user, key: generateKeyPairSync("ed25519").privateKey };
  const service = { typ: "service+jwt" };
  return {
    "a token of another issuer": forge({ ...alice, iss: "https://evil.example" }, keys.user),
    "a token without an expiry": forge({ ...alice, exp: undefined }, keys.user),
    "a token without a subject": forge({ ...alice, sub: "" }, keys.user),
    "another kind of token": forge(alice, keys.user, { typ: "JWT" }),
    "a token with an unknown crit": forge(alice, keys.user, { crit: ["x"], x: 1 }),
    "a token that names no key": forge(alice, keys.user, { kid: undefined }),
    "a stranger's token": forge(alice, stranger),
    "a user's key for a service's token": forge(serviceClaims(), keys.user, { ...service, kid: keys.order.id }),
    "a service's key for a user's token": forge({ ...alice, role: "admin" }, keys.order),
    "a service's key for another service": forge({ ...serviceClaims(), sub: "gateway" }, keys.order, service),
  };
}
