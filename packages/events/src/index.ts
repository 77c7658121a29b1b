export type { EventLog, LoggedEvent, NewEvent, WatchOptions } from "./event-log.ts";
