import { fromBinary } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { type Environment, sleep } from "@parley/rpc";
import { type BaseOptions, Consumer, type Message, type MessagesStream, Producer } from "@platformatic/kafka";
import { causeOf } from "../../inbox/failure-cause.ts";
import { publishBatchMax } from "../broker.ts";
import type { Deliver, EventConsumer } from "../event-consumer.ts";
import { runningConsumer } from "../running-consumer.ts";
import { GroupProgress, idleCheckMs } from "./group-progress.ts";
import { batchHeader, replyTopicOf, topicOf } from "./kafka-names.ts";
import { encodeReply } from "./kafka-reply.ts";
import { ensureTopics } from "./kafka-topics.ts";
import { closeAll, within } from "./within.ts";

export interface KafkaConsumerOptions {
  readonly kafka: BaseOptions;
  /** The receiving service: its replicas share the partitions. */
  readonly group: string;
  /** The services whose events it receives. */
  readonly sources: readonly string[];
  readonly deliver: Deliver;
  readonly environment: Pick<Environment, "clock" | "log" | "newId">;
}

const retryDelayMs = 500;
/** Kafka's session timeout: how long a consumer may send no heartbeat before its partitions are reassigned. */
const sessionTimeoutMs = 10_000;
const heartbeatIntervalMs = 1000;
/** How long a fetch may wait for records, in milliseconds: the longest time of `stop`. */
const maxWaitMs = 500;

type Stream = MessagesStream<Buffer, Buffer, Buffer, Buffer>;
type Received = Message<Buffer, Buffer, Buffer, Buffer>;

/**
 * Consumes the topics of some sources in a consumer group. Offsets are committed after the effect of the events is durable and the reply to the
 * relay is sent.
 */
export function createKafkaConsumer(options: KafkaConsumerOptions): EventConsumer {
  const { kafka, group, sources, deliver, environment } = options;
  const { clock, log } = environment;
  const sourceOf = new Map(sources.map((source) => [topicOf(source), source]));

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await consume(signal);
      } catch (error) {
        if (!signal.aborted) {
          log.debug({ err: error }, "events could not be read");
          await sleep(clock, retryDelayMs, signal).catch(() => {});
        }
      }
    }
  }

  /** Consumes until it is stopped or a step fails. The next call continues from the last committed offsets. */
  async function consume(signal: AbortSignal): Promise<void> {
    const producer = new Producer({ ...kafka, idempotent: true, acks: -1 });
    const consumer = new Consumer({ ...kafka, groupId: group });
    const progress = new GroupProgress({ kafka, group, topics: [...sourceOf.keys()], clock });
    let stream: Stream | undefined;
    try {
      await within(ensureTopics(kafka, sources), clock);
      const consuming = consumer.consume({
        topics: [...sourceOf.keys()],
        autocommit: false,
        mode: "committed",
        // A new group begins with the oldest record that Kafka still has.
        fallbackMode: "earliest",
        sessionTimeout: sessionTimeoutMs,
        heartbeatInterval: heartbeatIntervalMs,
        maxWaitTime: maxWaitMs,
      });
      stream = await within(consuming, clock);
      // An error without a listener would end the process. The next read reports it.
      stream.on("error", (error) => log.debug({ err: error }, "stream of events failed"));
      while (!signal.aborted) {
        const messages = await nextMessages(stream, signal, clock);
        if (messages.length === 0 && !signal.aborted) {
          await progress.check();
        } else if (messages.length > 0) {
          progress.progressed();
          await handle(messages, producer);
          await within(consumer.commit({ offsets: lastOffsets(messages) }), clock);
        }
      }
    } finally {
      await closeAll([consumer.close(true), producer.close(), progress.close()], clock);
      stream?.destroy();
    }
  }

  async function handle(messages: readonly Received[], producer: Producer): Promise<void> {
    const read = messages.flatMap((message) => {
      const event = decoded(message);
      return event === undefined ? [] : [{ message, event }];
    });
    const failures = await take(read.map(({ event }) => event));
    const failed = new Map(failures.map((failure) => [failure.eventId, failure]));
    const batches = Map.groupBy(read, ({ message }) => `${message.topic} ${batchOf(message)}`);
    const sent = producer.send({
      messages: [...batches.values()].flatMap((entries) => {
        const [first] = entries;
        const source = sourceOf.get(first?.message.topic ?? "");
        if (first === undefined || source === undefined) {
          return [];
        }
        const eventIds = entries.map(({ event }) => event.id);
        const value = encodeReply({
          batchId: batchOf(first.message),
          group,
          eventIds,
          failures: eventIds.flatMap((id) => failed.get(id) ?? []),
        });
        return [{ topic: replyTopicOf(source), value }];
      }),
    });
    await within(sent, clock);
  }

  async function take(events: readonly Event[]) {
    try {
      return events.length === 0 ? [] : await deliver(events);
    } catch (error) {
      log.warn({ err: error }, "events could not be handled");
      return events.map(({ id }) => ({ eventId: id, cause: causeOf(error) }));
    }
  }

  /** Undefined if it is not an event: it is skipped without a reply. If it was a damaged event, the relay publishes it again. */
  function decoded({ value, topic, partition, offset }: Received): Event | undefined {
    try {
      return fromBinary(EventSchema, value);
    } catch (error) {
      log.error({ err: error, topic, partition, offset: String(offset) }, "unreadable record dropped");
      return undefined;
    }
  }

  return runningConsumer(run);
}

function batchOf({ headers }: Received): string {
  for (const [name, value] of headers) {
    if (String(name) === batchHeader) {
      return String(value);
    }
  }
  return "";
}

/**
 * The next messages, at most as many as an inbox accepts at once. Waits for the first one. Empty if stopped, or after {@link idleCheckMs} without
 * one.
 */
function nextMessages(stream: Stream, signal: AbortSignal, clock: Environment["clock"]): Promise<readonly Received[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Received[]>();
  const read = () => {
    const messages: Received[] = [];
    while (messages.length < publishBatchMax) {
      const message = stream.read() as Received | null;
      if (message === null) {
        break;
      }
      messages.push(message);
    }
    if (messages.length > 0) {
      resolve(messages);
    }
  };
  const stop = () => resolve([]);
  const ended = () => reject(new Error("the stream of events has ended"));
  stream.on("readable", read);
  stream.once("error", reject);
  stream.once("close", ended);
  signal.addEventListener("abort", stop, { once: true });
  const cancelIdle = clock.after(idleCheckMs, stop);
  if (signal.aborted) {
    stop();
  } else if (stream.errored !== null || stream.destroyed) {
    reject(stream.errored ?? new Error("the stream of events has ended"));
  } else {
    read();
  }
  return promise.finally(() => {
    cancelIdle();
    stream.off("readable", read);
    stream.off("error", reject);
    stream.off("close", ended);
    signal.removeEventListener("abort", stop);
  });
}

function lastOffsets(messages: readonly Received[]) {
  const last = new Map(messages.map((message) => [`${message.topic} ${message.partition}`, message]));
  return [...last.values()].map(({ topic, partition, offset, leaderEpoch }) => ({
    ...{ topic, partition, leaderEpoch },
    offset: offset + 1n,
  }));
}
