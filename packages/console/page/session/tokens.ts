import { signal } from "@preact/signals";

/** A sign-in. It is kept only in the tab's memory, so that it cannot be stolen from storage. */
export interface SignIn {
  readonly userId: string;
  readonly name: string;
  readonly admin: boolean;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** When the access token expires, in milliseconds since 1970. */
  readonly endsAt: number;
}

export const signIn = signal<SignIn | undefined>(undefined);

/** How long before its expiry an access token is renewed, in milliseconds. */
const renewalMs = 60_000;

type Renew = (refreshToken: string) => Promise<Pick<SignIn, "accessToken" | "refreshToken" | "endsAt">>;
let renew: Renew | undefined;
let renewing: Promise<void> | undefined;

/** Sets the function that renews tokens. Not imported, because renewal is itself a call. */
export function renewTokensBy(way: Renew): void {
  renew = way;
}

/** The access token for the next call. Renewed if it is about to expire. */
export async function renewedToken(): Promise<string | undefined> {
  const current = signIn.value;
  if (current !== undefined && current.endsAt - Date.now() < renewalMs && renew !== undefined) {
    // A refresh token can be used only once: concurrent calls share one renewal.
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
