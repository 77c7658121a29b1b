export type { EventLog, LoggedEvent, NewEvent, WatchOptions } from "./event-log.ts";
export { type EventType, eventTypes, type PayloadCase, type PayloadOf } from "./event-types.ts";
export { createEventLog, type EventLogOptions } from "./log/create-event-log.ts";
export { eventMigrations } from "./log/event-migrations.ts";
export { partitionCount, partitionOf } from "./log/partition.ts";
export { PositionGoneError, UnreadablePositionError } from "./log/position.ts";
