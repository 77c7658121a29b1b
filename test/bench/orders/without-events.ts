import { registerHooks } from "node:module";

/** Loaded into a service before its main.ts: replaces its event log with one that stores nothing, to measure the cost of events. */
const noEventLog = new URL("./no-event-log.ts", import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    return resolved.url.endsWith("/events/src/log/create-event-log.ts") ? { ...resolved, url: noEventLog } : resolved;
  },
});
