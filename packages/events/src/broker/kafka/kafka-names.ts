/** The topic with the events of a source: `/services/order` becomes `parley.events.services.order`. */
export function topicOf(source: string): string {
  return `parley.events${dotted(source)}`;
}

/** The topic in which consumers reply to the source's relays. */
export function replyTopicOf(source: string): string {
  return `parley.replies${dotted(source)}`;
}

/** Kafka allows letters, digits, dots, underscores and hyphens. */
function dotted(source: string): string {
  return `.${source.replaceAll(/^\/+/g, "").replaceAll(/[^\w-]+/g, ".")}`;
}

/** The header of a record that names the batch it was published in. */
export const batchHeader = "parley-batch";
