import { render } from "preact";
import { App } from "./app.tsx";
import { startSession } from "./session/session.ts";
import { applyTheme } from "./theme.ts";

applyTheme();
render(<App />, document.body);
void startSession();
