export { type Broker, BrokerUnavailableError, publishBatchMax } from "./broker/broker.ts";
export { createDirectBroker, type Subscriber } from "./broker/direct-broker.ts";
export type { Deliver, EventConsumer } from "./broker/event-consumer.ts";
export {
  BrokerUrlError,
  type OpenBrokerOptions,
  type OpenConsumerOptions,
  openBroker,
  openConsumer,
  parseBrokerUrl,
} from "./broker/open-broker.ts";
export { createRedisBroker, type RedisBrokerOptions } from "./broker/redis/redis-broker.ts";
export { createRedisConsumer, type RedisConsumerOptions } from "./broker/redis/redis-consumer.ts";
export type { EventLog, LoggedEvent, NewEvent, OutgoingEvent, WaitingEvent, WatchOptions } from "./event-log.ts";
export { type EventType, eventTypes, type PayloadCase, type PayloadOf } from "./event-types.ts";
export { createInbox } from "./inbox/create-inbox.ts";
export { type DeadLetter, type DeadLetterPage, deadLettersMax } from "./inbox/dead-letters.ts";
export type { Delivery, EventHandler, EventHandlers } from "./inbox/event-handler.ts";
export type { FailedDelivery, Inbox, InboxOptions, RedriveResult } from "./inbox/inbox.ts";
export { inboxMigrations } from "./inbox/inbox-migrations.ts";
export { createEventLog, type EventLogOptions } from "./log/create-event-log.ts";
export { eventMigrations } from "./log/event-migrations.ts";
export { partitionCount, partitionOf } from "./log/partition.ts";
export { PositionGoneError, UnreadablePositionError } from "./log/position.ts";
export { startPeriodic } from "./periodic.ts";
export { createRelay, type Relay, type RelayOptions } from "./relay/create-relay.ts";
export { brokerSettings, openServiceBroker, replicaName, type ServiceBrokerOptions } from "./service-broker.ts";
export { createWakeUp, type WakeUp } from "./wake-up.ts";
