import type { JSX } from "preact";
import { connection, health } from "./live/live-stream.ts";
import { Icon } from "./parts/icons.tsx";
import { logout, session } from "./session/session.ts";
import { askToSignIn } from "./session/sign-in.tsx";
import { signIn } from "./session/tokens.ts";
import { nextTheme, theme } from "./theme.ts";

/** The end of the navigation: connection state, user, theme. */
export function ShellEnd(): JSX.Element {
  return (
    <div class="side-end">
      <ConnectionLine />
      {session.value?.signIn === true ? <Account /> : null}
      <button type="button" class="button quiet theme" onClick={nextTheme}>
        <Icon name="theme" />
        <span class="theme-name">{themeNames[theme.value]}</span>
      </button>
    </div>
  );
}

const themeNames = { system: "System colours", light: "Light colours", dark: "Dark colours" } as const;

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

const words = { connecting: "Connecting…", open: "Live", lost: "Connection lost" } as const;
const dots = { connecting: "warn", open: "good", lost: "bad" } as const;

function ConnectionLine(): JSX.Element {
  const down = [...health.value].filter(([, state]) => state !== "SERVING").map(([name]) => name);
  const text = words[connection.value];
  return (
    <div
      class="state-line"
      role="status"
      data-connection={connection.value}
      title={down.length > 0 ? `Down: ${down.join(", ")}` : text}
    >
      <span class={`dot ${connection.value === "open" && down.length > 0 ? "bad" : dots[connection.value]}`} />
      <span>{connection.value === "open" && down.length > 0 ? `Down: ${down.join(", ")}` : text}</span>
    </div>
  );
}
