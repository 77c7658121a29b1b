import { createParleyClient, UserRole } from "@parley/client";
import { signal } from "@preact/signals";
import { baseUrl } from "./api.ts";
import { renewTokensBy, type SignIn, signIn } from "./tokens.ts";

/** The gateway's configuration for this page, from `console/session.json`. */
export interface Session {
  /** Whether callers must sign in (AUTH=required). */
  readonly signIn: boolean;
  /** Whether headers and payloads of calls are recorded. */
  readonly payloads: boolean;
  /** The services behind the gateway, by name. */
  readonly services: readonly ServiceInfo[];
  /** Access to the process control of `parley up`: only on this machine, and with AUTH=off. */
  readonly stack?: { readonly token: string };
}

export interface ServiceInfo {
  readonly name: string;
  readonly calls: readonly string[];
  readonly database: boolean;
}

/** Undefined until the gateway has responded. */
export const session = signal<Session | undefined>(undefined);

export async function startSession(): Promise<void> {
  renewTokensBy(async (refreshToken) => {
    const tokens = await signedOut.users.refreshLogin({ refreshToken });
    return {
      accessToken: tokens.accessToken,
      refreshToken: tokens.refreshToken,
      endsAt: Number(tokens.expireTime?.seconds ?? 0n) * 1_000,
    };
  });
  await readSession();
}

/** Retries until there is a response: the page may be opened while the gateway restarts. */
export async function readSession(): Promise<void> {
  for (let waitMs = 200; ; waitMs = Math.min(waitMs * 2, 5_000)) {
    try {
      const response = await fetch(`${baseUrl}/console/session.json`, { cache: "no-store" });
      if (response.ok) {
        session.value = (await response.json()) as Session;
        return;
      }
    } catch {
      // The gateway is unreachable. The page shows this as the state of the live stream.
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

/** A client without a token, for signing in. */
const signedOut = createParleyClient({ baseUrl });

/** Throws a ConnectError if the address or the password is wrong. */
export async function login(email: string, password: string): Promise<void> {
  const { user, accessToken, refreshToken, expireTime } = await signedOut.users.login({ email, password });
  signIn.value = {
    userId: user?.id ?? "",
    name: user?.name ?? email,
    admin: user?.role === UserRole.ADMIN,
    accessToken,
    refreshToken,
    endsAt: Number(expireTime?.seconds ?? 0n) * 1_000,
  } satisfies SignIn;
}

export async function logout(): Promise<void> {
  const refreshToken = signIn.value?.refreshToken;
  signIn.value = undefined;
  if (refreshToken !== undefined) {
    await signedOut.users.logout({ refreshToken }).catch(() => {});
  }
}

/** Whether the caller has an admin's rights: every caller if sign-in is off. */
export function isAdmin(): boolean {
  return session.value?.signIn === false || signIn.value?.admin === true;
}
