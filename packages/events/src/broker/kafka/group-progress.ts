import type { Environment } from "@parley/rpc";
import { Admin, type BaseOptions, ListOffsetTimestamps } from "@platformatic/kafka";
import { within } from "./within.ts";

/** How long a consumer may receive nothing before the group's progress is checked, in milliseconds. */
export const idleCheckMs = 5000;
/** After this many checks with a lag and unchanged committed offsets, the group counts as stuck. */
const stuckChecksMax = 2;

export interface GroupProgressOptions {
  readonly kafka: BaseOptions;
  readonly group: string;
  readonly topics: readonly string[];
  readonly clock: Environment["clock"];
}

/**
 * Detects a consumer group that makes no progress despite a lag. After the loss of a broker, a client may stay in its group and receive nothing.
 */
export class GroupProgress {
  readonly #options: GroupProgressOptions;
  readonly #admin: Admin;
  #checks = 0;
  #committed = -1n;

  constructor(options: GroupProgressOptions) {
    this.#options = options;
    this.#admin = new Admin(options.kafka);
  }

  /** The consumer received records. */
  progressed(): void {
    this.#checks = 0;
    this.#committed = -1n;
  }

  /** Rejects if the group is stuck. Call it when the consumer has received nothing for {@link idleCheckMs}. */
  async check(): Promise<void> {
    const { written, committed } = await within(this.#offsets(), this.#options.clock);
    const isStuck = written > committed && committed === this.#committed;
    this.#checks = isStuck ? this.#checks + 1 : 0;
    this.#committed = committed;
    if (this.#checks >= stuckChecksMax) {
      throw new Error(
        `consumer group ${this.#options.group} is stuck: its lag is ${written - committed}, and its offsets do not change`,
      );
    }
  }

  close(): Promise<void> {
    return this.#admin.close();
  }

  /** The sums of the log end offsets and the committed offsets of all partitions. */
  async #offsets(): Promise<{ readonly written: bigint; readonly committed: bigint }> {
    const { group, topics } = this.#options;
    const metadata = await this.#admin.metadata({ topics: [...topics] });
    const partitionsOf = (topic: string) =>
      Array.from({ length: metadata.topics.get(topic)?.partitionsCount ?? 0 }, (_, index) => index);
    const ends = await this.#admin.listOffsets({
      topics: topics.map((name) => ({
        name,
        partitions: partitionsOf(name).map((partitionIndex) => ({
          partitionIndex,
          timestamp: ListOffsetTimestamps.LATEST,
        })),
      })),
    });
    const groups = [{ groupId: group, topics: topics.map((name) => ({ name, partitionIndexes: partitionsOf(name) })) }];
    const found = await this.#admin.listConsumerGroupOffsets({ groups });
    const sum = (offsets: readonly bigint[]) =>
      offsets.reduce((total, offset) => total + (offset > 0n ? offset : 0n), 0n);
    return {
      written: sum(ends.flatMap(({ partitions }) => partitions.map(({ offset }) => offset))),
      committed: sum(
        found.flatMap((each) =>
          each.topics.flatMap(({ partitions }) => partitions.map((each) => each.committedOffset)),
        ),
      ),
    };
  }
}
