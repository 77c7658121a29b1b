import type { JSX } from "preact";
import { Icon } from "./parts/icons.tsx";
import { logout, session } from "./session/session.ts";
import { askToSignIn } from "./session/sign-in.tsx";
import { signIn } from "./session/tokens.ts";
import { nextTheme, theme } from "./theme.ts";

/** Below the list of views: how the page is connected, who is signed in, the colours. */
export function ShellEnd(): JSX.Element {
  return (
    <div class="side-end">
      {session.value?.signIn === true ? <Account /> : null}
      <button type="button" class="button quiet theme" onClick={nextTheme} aria-label={`Colours: ${theme.value}`}>
        <Icon name="theme" />
        <span>{theme.value === "system" ? "System colours" : theme.value === "light" ? "Light" : "Dark"}</span>
      </button>
    </div>
  );
}

function Account(): JSX.Element {
  const current = signIn.value;
  return current === undefined ? (
    <button type="button" class="button main" onClick={() => askToSignIn()}>
      Sign in
    </button>
  ) : (
    <button type="button" class="button" onClick={() => void logout()}>
      Sign out<span class="unseen"> {current.name}</span>
    </button>
  );
}
