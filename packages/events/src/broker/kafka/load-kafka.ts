import type { Broker } from "../broker.ts";
import type { EventConsumer } from "../event-consumer.ts";
import type { KafkaBrokerOptions } from "./kafka-broker.ts";
import type { KafkaConsumerOptions } from "./kafka-consumer.ts";

/** A Kafka broker. The client is imported on demand, so that processes without Kafka do not load it. */
export function loadKafkaBroker(options: KafkaBrokerOptions): Broker {
  const loaded = import("./kafka-broker.ts").then(({ createKafkaBroker }) => createKafkaBroker(options));
  return {
    publish: async (events, signal) => (await loaded).publish(events, signal),
    close: async () => (await loaded).close(),
  };
}

/** A Kafka consumer, whose client is imported on demand. */
export function loadKafkaConsumer(options: KafkaConsumerOptions): EventConsumer {
  const loaded = import("./kafka-consumer.ts").then(({ createKafkaConsumer }) => createKafkaConsumer(options));
  return {
    start: () => void loaded.then((consumer) => consumer.start()),
    stop: async () => (await loaded).stop(),
  };
}
