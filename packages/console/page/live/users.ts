import type { User } from "@parley/client";
import { signal } from "@preact/signals";
import { parley } from "../session/api.ts";
import { isAdmin } from "../session/session.ts";
import { signIn } from "../session/tokens.ts";

/** The accounts that the page knows: all of them for admins, otherwise only the caller's. */
export const users = signal<readonly User[] | undefined>(undefined);
export const usersError = signal<unknown>(undefined);

/** The maximum number of accounts that the page keeps. Others are looked up by id. */
const usersMax = 500;

export async function readUsers(): Promise<void> {
  try {
    if (isAdmin()) {
      const all: User[] = [];
      let pageToken = "";
      do {
        const page = await parley.users.listUsers({ pageSize: 100, pageToken });
        all.push(...page.users);
        pageToken = page.nextPageToken;
      } while (pageToken !== "" && all.length < usersMax);
      users.value = all;
    } else if (signIn.value !== undefined) {
      const { user } = await parley.users.getUser({ userId: signIn.value.userId });
      users.value = user === undefined ? [] : [user];
    } else {
      users.value = [];
    }
    usersError.value = undefined;
  } catch (error) {
    usersError.value = error;
  }
}
