import { signal } from "@preact/signals";

/** A sign-in. It lives as long as the tab: nothing that could be stolen later is kept. */
export interface SignIn {
  readonly userId: string;
  readonly name: string;
  readonly admin: boolean;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** When the access token ends, in milliseconds since 1970. */
  readonly endsAt: number;
}

export const signIn = signal<SignIn | undefined>(undefined);

/** How long before its end an access token is renewed, in milliseconds. */
const renewalMs = 60_000;

type Renew = (refreshToken: string) => Promise<Pick<SignIn, "accessToken" | "refreshToken" | "endsAt">>;
let renew: Renew | undefined;
let renewing: Promise<void> | undefined;

/** Says how tokens are renewed. Not imported, since renewing is itself a call. */
export function renewTokensBy(way: Renew): void {
  renew = way;
}

/** The access token for the next call: a new one where the old one is about to end. */
export async function renewedToken(): Promise<string | undefined> {
  const current = signIn.value;
  if (current !== undefined && current.endsAt - Date.now() < renewalMs && renew !== undefined) {
    // A refresh token works once: calls that need a new one at the same time share it.
    renewing ??= renew(current.refreshToken)
      .then((tokens) => {
        signIn.value = { ...current, ...tokens };
      })
      .catch(() => {
        signIn.value = undefined;
      })
      .finally(() => {
        renewing = undefined;
      });
    await renewing;
  }
  return signIn.value?.accessToken;
}
