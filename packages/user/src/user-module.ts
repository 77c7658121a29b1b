import { type Broker, createEventLog, createRelay } from "@parley/events";
import type { Environment } from "@parley/rpc";
import type { ServiceModule } from "@parley/rpc/server";
import { type Database, startPruningRequestIds } from "@parley/store";
import { type AdminAccount, ensureAdmin, loadSampleUsers } from "./first-users.ts";
import { createPasswordHasher } from "./sign-in/password-hash.ts";
import { pruneRefreshTokens } from "./sign-in/refresh-token-store.ts";
import { createSignIn } from "./sign-in/sign-in.ts";
import { createSigningKeys } from "./sign-in/signing-keys.ts";
import { createUserService } from "./user-service.ts";

export interface UserModuleOptions {
  readonly environment: Environment;
  /** Opened with `userMigrations`. The module closes it as it stops. */
  readonly database: Database;
  /** Whether the sample users are made where there is no user. Default: false. */
  readonly sampleData?: boolean;
  /** Default: nobody. */
  readonly admin?: AdminAccount | undefined;
  /** Who brings events to other services. Without it they are kept until there is one. Closed when the module stops. */
  readonly broker?: Broker | undefined;
  /** This process among those that share the database, the same after a restart. Default `only`: there is no other. */
  readonly replica?: string;
}

/** How long verifiers may keep the public keys: shorter than a key is published after it signed last. */
const keysMaxAgeS = 300;

/** Everything that the user service serves: accounts and sign-in, and the public keys that check its tokens. */
export function createUserModule(options: UserModuleOptions): ServiceModule {
  const { environment, database, sampleData = false, admin, broker, replica = "only" } = options;
  const { clock, log, newId } = environment;
  const eventLog = createEventLog({ database, source: "/services/user", environment });
  const passwords = createPasswordHasher();
  const keys = createSigningKeys({ database, clock, newId });
  const signIn = createSignIn({ database, clock, newId, passwords, keys });
  const relay = broker && createRelay({ database, log: eventLog, broker, environment, replica });
  let stopPruning = async () => {};

  async function makeAdmin({ email, password }: AdminAccount) {
    const passwordHash = () => passwords.hash(password);
    if (!(await ensureAdmin(database, { id: newId(), email, nowMs: clock.now(), passwordHash }))) {
      log.error("ADMIN_EMAIL names an account that is not an admin's. Nobody was made an admin.");
    }
  }

  return {
    entries: [createUserService({ environment, database, eventLog, passwords, signIn })],
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
      if (sampleData) {
        await loadSampleUsers(database, clock.now());
      }
      if (admin !== undefined) {
        await makeAdmin(admin);
      }
      // Published before the first token comes to anybody.
      await keys.current();
      const onError = (err: unknown) => log.warn({ err }, "old request ids and refresh tokens could not be pruned");
      const also = (nowMs: number) => pruneRefreshTokens(database, nowMs);
      stopPruning = startPruningRequestIds({ database, clock, onError, also });
      relay?.start();
    },
    async stop() {
      await stopPruning();
      await relay?.stop();
      await broker?.close();
      await database.close();
    },
  };
}
