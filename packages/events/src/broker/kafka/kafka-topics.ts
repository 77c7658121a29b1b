import { Admin, type BaseOptions } from "@platformatic/kafka";
import { replyTopicOf, topicOf } from "./kafka-names.ts";

/** Partitions of a new topic of events: so many replicas of a subscriber share the work. */
const partitionsOfEvents = 12;

/** Creates the topics of some sources where they are missing; one made by hand stays as it is. The replicas are the cluster's default. */
export async function ensureTopics(options: BaseOptions, sources: readonly string[]): Promise<void> {
  const admin = new Admin(options);
  try {
    for (const source of sources) {
      await createTopic(admin, topicOf(source), partitionsOfEvents);
      // Replies concern relays that run now. They are few, and each relay reads all of them.
      await createTopic(admin, replyTopicOf(source), 1);
    }
  } finally {
    await admin.close();
  }
}

async function createTopic(admin: Admin, topic: string, partitions: number): Promise<void> {
  try {
    await admin.createTopics({ topics: [topic], partitions, replicas: -1 });
  } catch (error) {
    if (!isAlreadyThere(error)) {
      throw error;
    }
  }
}

/** The client's errors hold Kafka's own, at some depth. */
function isAlreadyThere(error: unknown): boolean {
  const { apiId, errors, cause } = error as { apiId?: string; errors?: unknown[]; cause?: unknown };
  return (
    apiId === "TOPIC_ALREADY_EXISTS" ||
    (errors ?? []).some(isAlreadyThere) ||
    (cause !== undefined && cause !== null && isAlreadyThere(cause))
  );
}
