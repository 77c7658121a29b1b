import { Admin, type BaseOptions } from "@platformatic/kafka";
import { replyTopicOf, topicOf } from "./kafka-names.ts";

/** Partitions of a new topic of events: the most replicas of a subscriber that share the work. */
const partitionsOfEvents = 12;

/** Creates the missing topics of some sources, with the cluster's default replication factor. Existing topics are left unchanged. */
export async function ensureTopics(options: BaseOptions, sources: readonly string[]): Promise<void> {
  const admin = new Admin(options);
  try {
    for (const source of sources) {
      await createTopic(admin, topicOf(source), partitionsOfEvents);
      // Every relay reads all replies, so one partition suffices.
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
    if (!isExistingTopic(error)) {
      throw error;
    }
  }
}

/** Whether the topic exists already. The client nests Kafka's errors at various depths. */
function isExistingTopic(error: unknown): boolean {
  const { apiId, errors, cause } = error as { apiId?: string; errors?: unknown[]; cause?: unknown };
  return (
    apiId === "TOPIC_ALREADY_EXISTS" ||
    (errors ?? []).some(isExistingTopic) ||
    (cause !== undefined && cause !== null && isExistingTopic(cause))
  );
}
