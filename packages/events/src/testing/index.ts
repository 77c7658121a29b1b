export { eventMessage } from "../log/event-message.ts";
export { type PreparedKafka, prepareKafka } from "./kafka-server.ts";
export { findRedisServer, startTestRedis, type TestRedis } from "./redis-server.ts";
export { eventsOf, publishedEvents } from "./sent-events.ts";
export {
  openTestSink,
  openTestSource,
  orderConfirmed,
  stockLow,
  type TestSink,
  type TestSource,
  testEnvironment,
} from "./test-parts.ts";
