import type { Environment } from "@parley/rpc";
import { Admin, type BaseOptions, ListOffsetTimestamps } from "@platformatic/kafka";
import { within } from "./within.ts";

/** How long a consumer may get nothing before the group's progress is looked at, in milliseconds. */
export const idleLookMs = 5000;
/** After this many looks at a group whose offsets stand still although records wait, the consumer counts as stuck. */
const stuckLooksMax = 2;

export interface GroupProgressOptions {
  readonly kafka: BaseOptions;
  readonly group: string;
  readonly topics: readonly string[];
  readonly clock: Environment["clock"];
}

/**
 * Tells whether a consumer group has stopped although records wait for it. After a broker was lost, a client may stay in its group and still get nothing.
 */
export class GroupProgress {
  readonly #options: GroupProgressOptions;
  readonly #admin: Admin;
  #looks = 0;
  #committed = -1n;

  constructor(options: GroupProgressOptions) {
    this.#options = options;
    this.#admin = new Admin(options.kafka);
  }

  /** Something came. */
  moved(): void {
    this.#looks = 0;
    this.#committed = -1n;
  }

  /** Rejects if the group is stuck. To be called when nothing has come for {@link idleLookMs}. */
  async look(): Promise<void> {
    const { written, committed } = await within(this.#offsets(), this.#options.clock);
    const isStill = written > committed && committed === this.#committed;
    this.#looks = isStill ? this.#looks + 1 : 0;
    this.#committed = committed;
    if (this.#looks >= stuckLooksMax) {
      throw new Error(`${written - committed} records wait, and the group ${this.#options.group} gets none`);
    }
  }

  close(): Promise<void> {
    return this.#admin.close();
  }

  /** Of all partitions together. */
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
