import { render } from "preact";
import { App } from "./app.tsx";
import { startFeed } from "./live/feed.ts";
import { startSession } from "./session/session.ts";
import { applyTheme } from "./theme.ts";

applyTheme();
render(<App />, document.body);
startFeed();
void startSession();
