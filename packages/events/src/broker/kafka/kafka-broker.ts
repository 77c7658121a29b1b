import { fromBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { type Environment, sleep } from "@parley/rpc";
import {
  Admin,
  type BaseOptions,
  Consumer,
  compatibilityPartitioner,
  ListOffsetTimestamps,
  Producer,
} from "@platformatic/kafka";
import type { OutgoingEvent } from "../../event-log.ts";
import type { EventType } from "../../event-types.ts";
import { causeOf } from "../../inbox/failure-cause.ts";
import type { FailedDelivery } from "../../inbox/inbox.ts";
import { startPeriodic } from "../../periodic.ts";
import { type Broker, BrokerUnavailableError } from "../broker.ts";
import { ofTypes } from "../deliver-request.ts";
import { batchHeader, replyTopicOf, topicOf } from "./kafka-names.ts";
import { decodeReply } from "./kafka-reply.ts";
import { ensureTopics } from "./kafka-topics.ts";
import { PendingBatch } from "./pending-batch.ts";
import { closeAll, within } from "./within.ts";

export interface KafkaBrokerOptions {
  readonly kafka: BaseOptions;
  /** The service whose events are published. */
  readonly source: string;
  /** The consumer groups in which each event must take effect: the names of the subscribers. */
  readonly groups: readonly string[];
  /** Only events of these types are published; others count as done. Default: all. */
  readonly types?: readonly EventType[];
  readonly environment: Pick<Environment, "clock" | "log" | "newId">;
  /** How often to check a batch without replies. Default: 2 s. */
  readonly checkIntervalMs?: number;
}

const retryDelayMs = 500;

/**
 * Publishes to a Kafka topic, a record for each event, with the event's partition key as the key, so that the events of a key stay in order. A
 * batch is done when each group has replied that its effect is durable: Kafka's acknowledgement does not cover the effect.
 */
export function createKafkaBroker(options: KafkaBrokerOptions): Broker {
  const { kafka, source, groups, types, environment, checkIntervalMs = 2000 } = options;
  const { clock, log } = environment;
  const topic = topicOf(source);
  const waiting = new Map<string, PendingBatch>();
  const closed = new AbortController();
  let link = connect();
  link.catch(() => {});

  /** Opens new connections. After a failure the producer is replaced too: its sequence numbers do not match after a record was lost. */
  async function connect(): Promise<Link> {
    await within(ensureTopics(kafka, [source]), clock);
    const admin = new Admin(kafka);
    const producer = new Producer({ ...kafka, idempotent: true, acks: -1 });
    // Each connection has its own group. It commits no offsets, so Kafka removes it when it is empty.
    const replies = new Consumer({ ...kafka, groupId: `${replyTopicOf(source)}.${environment.newId()}` });
    try {
      const metadata = await within(admin.metadata({ topics: [topic] }), clock);
      // Subscribed before the first record is sent: a reply may arrive before the acknowledgement of its record.
      await within(readReplies(replies), clock);
      return { admin, producer, replies, partitions: metadata.topics.get(topic)?.partitionsCount ?? 1 };
    } catch (error) {
      await disconnect({ admin, producer, replies });
      throw error;
    }
  }

  function disconnect({ admin, producer, replies }: Omit<Link, "partitions">): Promise<void> {
    return closeAll([replies.close(true), producer.close(), admin.close()], clock);
  }

  async function readReplies(replies: Consumer): Promise<void> {
    const current = link;
    const stream = await replies.consume({ topics: [replyTopicOf(source)], autocommit: false, mode: "latest" });
    stream.on("data", ({ value }) => {
      const reply = decodeReply(value);
      if (reply !== undefined) {
        waiting.get(reply.batchId)?.replied(reply);
      }
    });
    stream.on("error", (error) => {
      log.warn({ err: error }, "reading the replies of consumers failed");
      reconnect(current);
    });
  }

  /** Reconnects, unless `failed` was replaced already. Replies may have been missed, so batches that wait for replies fail and are published again. */
  function reconnect(failed: Promise<Link>): void {
    if (failed !== link || closed.signal.aborted) {
      return;
    }
    for (const batch of waiting.values()) {
      batch.fail("the connection to Kafka was lost");
    }
    link = sleep(clock, retryDelayMs, closed.signal).then(connect);
    link.catch(() => {});
    void failed.then(disconnect, () => {});
  }

  async function publish(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<readonly FailedDelivery[]> {
    const wanted = ofTypes(events, types);
    if (wanted.length === 0 || groups.length === 0) {
      return [];
    }
    const batchId = environment.newId();
    const ids = wanted.map(({ id }) => id);
    const batch = new PendingBatch(groups, ids, signal);
    waiting.set(batchId, batch);
    let stopChecking: (() => Promise<void>) | undefined;
    try {
      const parts = await Promise.race([produce(wanted, batchId), batch.outcome.then(() => [])]);
      stopChecking = startPeriodic(() => check(parts, batch), { clock, intervalMs: checkIntervalMs, onError() {} });
      return await batch.outcome;
    } finally {
      waiting.delete(batchId);
      void stopChecking?.();
    }
  }

  async function produce(events: readonly OutgoingEvent[], batchId: string): Promise<readonly PublishedPart[]> {
    const current = link;
    try {
      const { partitions, producer } = await current;
      const records = events.map((event) => {
        const key = Buffer.from(fromBinary(EventSchema, event.encoded).partitionKey);
        // Kafka's default partitioner, as clients in other languages use it.
        const partition = compatibilityPartitioner({} as never, key) % partitions;
        return { id: event.id, partition, key, value: recordOf(event) };
      });
      const sent = producer.send({
        messages: records.map(({ partition, key, value }) => ({
          ...{ topic, partition, key, value },
          headers: new Map([[Buffer.from(batchHeader), Buffer.from(batchId)]]),
        })),
      });
      const { offsets = [] } = await within(sent, clock);
      return offsets.map(({ partition, offset }) => {
        const ids = records.filter((record) => record.partition === partition).map(({ id }) => id);
        return { partition, endOffset: offset + BigInt(ids.length), ids };
      });
    } catch (cause) {
      reconnect(current);
      throw new BrokerUnavailableError(`Kafka did not accept events: ${causeOf(cause)}`, { cause });
    }
  }

  /** Detects lost replies and lost records. If Kafka is down, this fails, and the next check runs again. */
  async function check(parts: readonly PublishedPart[], batch: PendingBatch): Promise<void> {
    const current = link;
    const { admin } = await current;
    const found = await admin.listConsumerGroupOffsets({
      groups: groups.map((groupId) => ({
        groupId,
        topics: [{ name: topic, partitionIndexes: parts.map(({ partition }) => partition) }],
      })),
    });
    for (const { groupId, topics } of found) {
      for (const { partitionIndex, committedOffset } of topics.flatMap(({ partitions }) => partitions)) {
        const part = parts.find(({ partition }) => partition === partitionIndex);
        if (part !== undefined && committedOffset >= part.endOffset && batch.lacks(groupId, part.ids)) {
          batch.fail(`the outcome of events of partition ${partitionIndex} is unknown`);
          // The subscription to the replies may be broken.
          reconnect(current);
        }
      }
    }
    for (const { partition, endOffset } of parts) {
      if ((await logEnd(admin, partition)) < endOffset) {
        batch.fail(`Kafka lost events of partition ${partition}`);
      }
    }
  }

  /** The offset that the next record of a partition of events will have. */
  async function logEnd(admin: Admin, partitionIndex: number): Promise<bigint> {
    const partitions = [{ partitionIndex, timestamp: ListOffsetTimestamps.LATEST }];
    const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions }] });
    return found?.partitions[0]?.offset ?? 0n;
  }

  return {
    publish,
    async close() {
      closed.abort();
      for (const batch of waiting.values()) {
        batch.fail("the broker was closed");
      }
      await link.then(disconnect, () => {});
    },
  };
}

/** The connections to Kafka. A failure replaces all of them. */
interface Link {
  readonly admin: Admin;
  readonly producer: Producer;
  readonly replies: Consumer;
  /** The number of partitions of the topic of events. */
  readonly partitions: number;
}

/** The events of a batch in one partition. */
interface PublishedPart {
  readonly partition: number;
  /** The offset after the last of them. */
  readonly endOffset: bigint;
  readonly ids: readonly string[];
}

/** The encoded `event.v1.Event`, with its sequence: fields of a message may come in any order. */
function recordOf({ encoded, sequence }: OutgoingEvent): Buffer {
  const writer = new BinaryWriter().raw(encoded);
  return Buffer.from(writer.tag(EventSchema.field.sequence.number, WireType.Varint).int64(sequence).finish());
}
