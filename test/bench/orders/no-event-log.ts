import type { EventLog } from "@parley/events";

/** An event log that stores nothing, in place of the real one (see without-events.ts). */
export function createEventLog(): EventLog {
  return {
    append: async () => {},
    onAppended: () => () => {},
    onWaiting: () => () => {},
    watch() {
      throw new Error("this event log stores no events to watch");
    },
  };
}
