import { type Broker, createEventLog, createRelay } from "@parley/events";
import type { SharedLimits } from "@parley/events/limits";
import { platform } from "@parley/gen/services.js";
import type { Environment } from "@parley/rpc";
import type { ServiceModule } from "@parley/rpc/server";
import { type Database, startPruningRequestIds, whenReachable } from "@parley/store";
import { type AdminAccount, ensureAdmin, loadSampleUsers } from "./first-users.ts";
import type { KeySeal } from "./sign-in/key-seal.ts";
import { createPasswordHasher } from "./sign-in/password-hash.ts";
import { pruneRefreshTokens } from "./sign-in/refresh-token-store.ts";
import { createSignIn } from "./sign-in/sign-in.ts";
import { createSignInLimits } from "./sign-in/sign-in-limits.ts";
import { createSigningKeys } from "./sign-in/signing-keys.ts";
import { createUserService } from "./user-service.ts";

export interface UserModuleOptions {
  readonly environment: Environment;
  /** Opened with `userMigrations`. The module closes it when it stops. */
  readonly database: Database;
  /** Whether the sample users are created if there is no user. Default: false. */
  readonly sampleData?: boolean;
  /** Encrypts the signing keys in the database. Without it they are stored in clear: only for an in-memory database. */
  readonly keySeal?: KeySeal | undefined;
  /** Whether callers must sign in: then the sample users' published password is refused. Default: false. */
  readonly signInRequired?: boolean;
  /** Default: no admin. */
  readonly admin?: AdminAccount | undefined;
  /** Delivers events to other services. Without it they wait in the log. Closed when the module stops. */
  readonly broker?: Broker | undefined;
  /** The name of this process, unique among the processes on the database and stable across restarts. Default `only`, for a single process. */
  readonly replica?: string;
  /** Counters of failed sign-ins, shared by all replicas. Closed when the module stops. Default: this process counts locally. */
  readonly limits?: SharedLimits | undefined;
}

/** How long verifiers may cache the public keys: shorter than a key is published after its last signature. */
const keysMaxAgeS = 300;

/** The user service's module: accounts and sign-in, and the public keys that verify its tokens. */
export function createUserModule(options: UserModuleOptions): ServiceModule {
  const {
    environment,
    database,
    sampleData = false,
    admin,
    broker,
    replica = "only",
    keySeal,
    signInRequired = false,
    limits,
  } = options;
  const { clock, log, newId } = environment;
  const eventLog = createEventLog({ database, source: "/services/user", environment });
  const passwords = createPasswordHasher();
  const keys = createSigningKeys({ database, clock, newId, seal: keySeal });
  const signIn = createSignIn({
    database,
    clock,
    newId,
    passwords,
    keys,
    limits: createSignInLimits({ clock, shared: limits }),
    refuseSamplePassword: signInRequired,
  });
  const relay = broker && createRelay({ database, log: eventLog, broker, environment, replica });
  let stopPruning = async () => {};

  async function createAdmin({ email, password }: AdminAccount) {
    const passwordHash = () => passwords.hash(password);
    if (!(await ensureAdmin(database, { id: newId(), email, nowMs: clock.now(), passwordHash }))) {
      log.error("ADMIN_EMAIL belongs to an account that is not an admin's. No admin was created.");
    }
  }

  async function prepare() {
    if (sampleData) {
      await loadSampleUsers(database, clock.now());
    }
    if (admin !== undefined) {
      await createAdmin(admin);
    }
    await keys.sealStored();
    // Published before the first token is signed with it.
    await keys.current();
  }

  return {
    ...platform,
    onReachable: database.onReachable?.bind(database),
    entries: [createUserService({ environment, database, eventLog, passwords, signIn, keys, signInRequired })],
    publishedKeys: () => keys.published(),
    httpRoutes: [
      {
        method: "GET",
        url: "/.well-known/jwks.json",
        handler: async (_request, reply) => {
          void reply.header("cache-control", `public, max-age=${keysMaxAgeS}`);
          return keys.published();
        },
      },
    ],
    async start() {
      await whenReachable(database, prepare, { clock, log });
      const onError = (err: unknown) => log.warn({ err }, "old request ids and refresh tokens could not be pruned");
      const also = (nowMs: number) => pruneRefreshTokens(database, nowMs);
      stopPruning = startPruningRequestIds({ database, clock, onError, also });
      relay?.start();
    },
    async stop() {
      await stopPruning();
      await relay?.stop();
      await broker?.close();
      limits?.close();
      await database.close();
    },
  };
}
