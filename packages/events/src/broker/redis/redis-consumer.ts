import { fromBinary } from "@bufbuild/protobuf";
import { DeliverRequestSchema } from "@parley/gen/event/v1/event_service_pb.js";
import { type Environment, sleep } from "@parley/rpc";
import type { Redis } from "ioredis";
import { causeOf } from "../../inbox/failure-cause.ts";
import type { Deliver, EventConsumer } from "../event-consumer.ts";
import { runningConsumer } from "../running-consumer.ts";
import { connectRedis, ensureGroup } from "./redis-connection.ts";
import { replyChannelOf, streamOf } from "./redis-names.ts";
import { encodeReply } from "./redis-reply.ts";

export interface RedisConsumerOptions {
  /** For example `redis://127.0.0.1:6379`. */
  readonly url: string;
  /** The receiving service: its replicas share the entries. */
  readonly group: string;
  /** The services whose events it receives. */
  readonly sources: readonly string[];
  readonly deliver: Deliver;
  readonly environment: Pick<Environment, "clock" | "log" | "newId">;
  /** After this time, an entry of another consumer counts as a dead consumer's. Default: 15 s. */
  readonly claimIdleMs?: number;
  /** After this time without reads and pending entries, a consumer counts as dead and is deleted from the group. Default: 10 min. */
  readonly forgetIdleMs?: number;
}

/** The most batches read at once: each has up to 100 events. */
const readCountMax = 4;
/** The time of a blocking read: the longest time of `stop`, and well below the time limit of a command. */
const blockMs = 200;
const retryDelayMs = 200;

/** An entry as read: its id, and its fields and values in turn. */
interface StreamEntry {
  readonly source: string;
  readonly entryId: string;
  readonly batchId: string;
  /** Undefined for an entry that was deleted while it was pending. */
  readonly request: Uint8Array | undefined;
}

/** Consumes the streams of some sources in a consumer group. An entry is acknowledged after its effect is durable. */
export function createRedisConsumer(options: RedisConsumerOptions): EventConsumer {
  const { url, group, sources, deliver, environment, claimIdleMs = 15_000, forgetIdleMs = 600_000 } = options;
  const { clock, log } = environment;
  const consumer = environment.newId();
  const sourceOf = new Map(sources.map((source) => [streamOf(source), source]));

  async function run(signal: AbortSignal) {
    // A read blocks its connection, so replies need another.
    const reader = connectRedis(url, log);
    const writer = connectRedis(url, log);
    let ready = false;
    let claimAtMs = 0;
    while (!signal.aborted) {
      try {
        if (!ready) {
          await Promise.all([...sourceOf.keys()].map((stream) => ensureGroup(writer, stream, group)));
          ready = true;
        }
        if (clock.monotonic() >= claimAtMs) {
          await handleAll(writer, await claim(writer));
          await deleteDeadConsumers(writer);
          claimAtMs = clock.monotonic() + claimIdleMs / 3;
        }
        await handleAll(writer, await read(reader));
      } catch (error) {
        // Redis is down, or has lost the groups with its data.
        ready = false;
        log.debug({ err: error }, "events could not be read");
        await sleep(clock, retryDelayMs, signal).catch(() => {});
      }
    }
    await leave(writer);
    reader.disconnect();
    writer.disconnect();
  }

  async function read(reader: Redis): Promise<readonly StreamEntry[]> {
    const streams = [...sourceOf.keys()];
    const answer = await reader.xreadgroupBuffer(
      "GROUP",
      group,
      consumer,
      "COUNT",
      readCountMax,
      "BLOCK",
      blockMs,
      "STREAMS",
      ...streams,
      ...streams.map(() => ">"),
    );
    const found = (answer ?? []) as unknown as readonly (readonly [Buffer, readonly RawEntry[]])[];
    return found.flatMap(([stream, entries]) => entries.map((entry) => toEntry(stream.toString(), entry)));
  }

  /** Claims entries that a dead consumer has held for too long. */
  async function claim(writer: Redis): Promise<readonly StreamEntry[]> {
    const claimed: StreamEntry[] = [];
    for (const stream of sourceOf.keys()) {
      const answer = await writer.callBuffer(
        "XAUTOCLAIM",
        stream,
        group,
        consumer,
        claimIdleMs,
        "0",
        "COUNT",
        readCountMax,
      );
      const entries = (answer as [unknown, readonly (RawEntry | null)[]])[1];
      claimed.push(...entries.filter((entry) => entry !== null).map((entry) => toEntry(stream, entry)));
    }
    return claimed;
  }

  /**
   * Deletes crashed consumers from the groups: each start of a process has a new consumer name. A live consumer reads several times a second. If a
   * paused one receives entries at the moment of its deletion, they count as acknowledged without a reply, and the relay publishes them again.
   */
  async function deleteDeadConsumers(writer: Redis): Promise<void> {
    for (const stream of sourceOf.keys()) {
      for (const { name, pending, idle } of await consumersOf(writer, stream, group)) {
        if (name !== consumer && pending === 0 && idle > forgetIdleMs) {
          await writer.xgroup("DELCONSUMER", stream, group, name);
          log.info({ stream, group, consumer: name, idleMs: idle }, "dead consumer deleted from its group");
        }
      }
    }
  }

  function toEntry(stream: string, [id, fields]: RawEntry): StreamEntry {
    const valueIn = (name: string) => {
      const index = fields?.findIndex((field, place) => place % 2 === 0 && field.toString() === name) ?? -1;
      return index < 0 ? undefined : fields?.[index + 1];
    };
    return {
      source: sourceOf.get(stream) ?? "",
      entryId: id.toString(),
      batchId: valueIn("batch")?.toString() ?? "",
      request: valueIn("request"),
    };
  }

  async function handleAll(writer: Redis, entries: readonly StreamEntry[]) {
    for (const entry of entries) {
      await handle(writer, entry);
    }
  }

  async function handle(writer: Redis, { source, entryId, batchId, request }: StreamEntry) {
    const failures = request === undefined ? [] : await take(request, entryId);
    if (failures === undefined) {
      await writer.xack(streamOf(source), group, entryId);
      return;
    }
    // Acknowledged even if an event failed: the relay still has it and publishes it again, in a new entry.
    const results = await writer
      .multi()
      .publish(replyChannelOf(source), encodeReply({ batchId, group, failures }))
      .xack(streamOf(source), group, entryId)
      .exec();
    const failed = results?.find(([error]) => error !== null)?.[0];
    if (failed !== undefined && failed !== null) {
      throw failed;
    }
  }

  /** Undefined if the events cannot be decoded: no reply, so that the relay publishes them again. */
  async function take(request: Uint8Array, entryId: string) {
    let events: ReturnType<typeof decode>;
    try {
      events = decode(request);
    } catch (error) {
      log.error({ err: error, entryId }, "unreadable stream entry dropped");
      return undefined;
    }
    try {
      return await deliver(events);
    } catch (error) {
      log.warn({ err: error, entryId }, "events could not be handled");
      return events.map(({ id }) => ({ eventId: id, cause: causeOf(error) }));
    }
  }

  /** Leaves the group, unless this consumer has pending entries: Redis would drop those too. */
  async function leave(writer: Redis) {
    try {
      for (const stream of sourceOf.keys()) {
        const held = await writer.xpending(stream, group, "-", "+", 1, consumer);
        if (held.length === 0) {
          await writer.xgroup("DELCONSUMER", stream, group, consumer);
        }
      }
    } catch (error) {
      log.debug({ err: error }, "the consumer could not leave its group");
    }
  }

  return runningConsumer(run);
}

interface GroupMember {
  readonly name: string;
  /** Its entries that it has not acknowledged. */
  readonly pending: number;
  /** Milliseconds since it last tried to read. */
  readonly idle: number;
}

async function consumersOf(redis: Redis, stream: string, group: string): Promise<readonly GroupMember[]> {
  const answer = (await redis.xinfo("CONSUMERS", stream, group)) as readonly (readonly (string | number)[])[];
  return answer.map((fields) => {
    const value = (name: string) => fields[fields.indexOf(name) + 1];
    return { name: String(value("name")), pending: Number(value("pending")), idle: Number(value("idle")) };
  });
}

type RawEntry = readonly [Buffer, readonly Buffer[] | null];

function decode(request: Uint8Array) {
  return fromBinary(DeliverRequestSchema, request).events;
}
