import { type Environment, reportBroker } from "@parley/rpc";
import type { BaseOptions } from "@platformatic/kafka";
import type { EventType } from "../event-types.ts";
import type { Broker } from "./broker.ts";
import { createDirectBroker, type Subscriber } from "./direct-broker.ts";
import type { Deliver, EventConsumer } from "./event-consumer.ts";
import { kafkaOptions } from "./kafka/kafka-options.ts";
import { loadKafkaBroker, loadKafkaConsumer } from "./kafka/load-kafka.ts";
import { createRedisBroker } from "./redis/redis-broker.ts";
import { createRedisConsumer } from "./redis/redis-consumer.ts";

/** An invalid broker URL. */
export class BrokerUrlError extends Error {
  override readonly name = "BrokerUrlError";
  /** The invalid environment variable: a service exits with code 2 and only the message. */
  readonly setting = "BROKER_URL";
}

export interface OpenBrokerOptions {
  /** The service whose events are published, for example `/services/order`. */
  readonly source: string;
  /** The subscribers. With Redis and Kafka, `name` is the consumer group. */
  readonly subscribers: readonly Subscriber[];
  readonly environment: Pick<Environment, "clock" | "log" | "newId" | "metrics">;
}

export interface OpenConsumerOptions {
  /** The receiving service: its name as a {@link Subscriber}. */
  readonly group: string;
  /** The services whose events it receives. */
  readonly sources: readonly string[];
  readonly deliver: Deliver;
  readonly environment: Pick<Environment, "clock" | "log" | "newId" | "metrics">;
}

/** A parsed broker URL. */
export type BrokerUrl =
  | { readonly kind: "direct" }
  | { readonly kind: "redis"; readonly url: string }
  | { readonly kind: "kafka"; readonly kafka: BaseOptions };

/**
 * The broker that a URL names: `direct`, which calls the subscribers, `redis://host:port` (`rediss://` over TLS), or `kafka://host:port`, several hosts with
 * commas (`kafkas://` over TLS). Throws {@link BrokerUrlError}.
 */
export function parseBrokerUrl(url: string, clientId = "parley"): BrokerUrl {
  if (url === "direct") {
    return { kind: "direct" };
  }
  const kafka = kafkaOptions(url, clientId);
  if (kafka !== undefined) {
    return { kind: "kafka", kafka };
  }
  const parsed = URL.parse(url);
  if (parsed === null || !["redis:", "rediss:"].includes(parsed.protocol) || parsed.hostname === "") {
    throw new BrokerUrlError("The broker URL is invalid: expected direct, redis://host:port or kafka://host:port.");
  }
  return { kind: "redis", url };
}

/** Opens the publishing side of a broker. */
export function openBroker(url: string, { source, subscribers, environment }: OpenBrokerOptions): Broker {
  const parsed = parseBrokerUrl(url);
  reportBroker(environment.metrics, parsed.kind);
  if (parsed.kind === "direct") {
    return createDirectBroker({ subscribers });
  }
  const types = wantedTypes(subscribers);
  const groups = subscribers.map(({ name }) => name);
  const options = { source, groups, environment, ...(types === undefined ? {} : { types }) };
  return parsed.kind === "kafka"
    ? loadKafkaBroker({ ...options, kafka: parsed.kafka })
    : createRedisBroker({ ...options, url: parsed.url });
}

/** Opens the consuming side of a broker. With `direct` it does nothing: events arrive by `EventService.Deliver`. */
export function openConsumer(url: string, options: OpenConsumerOptions): EventConsumer {
  const parsed = parseBrokerUrl(url);
  reportBroker(options.environment.metrics, parsed.kind);
  switch (parsed.kind) {
    case "redis":
      return createRedisConsumer({ ...options, url: parsed.url });
    case "kafka":
      return loadKafkaConsumer({ ...options, kafka: parsed.kafka });
    default:
      return { start() {}, async stop() {} };
  }
}

/** The types of all subscribers together. Undefined if one takes every type. */
function wantedTypes(subscribers: readonly Subscriber[]): readonly EventType[] | undefined {
  const wanted = subscribers.map(({ types }) => types);
  return wanted.some((types) => types === undefined) ? undefined : [...new Set(wanted.flatMap((types) => types ?? []))];
}
