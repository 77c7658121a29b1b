/** The stream that a source's events go into: one entry for each batch, its id in the field `batch`, a
 * `DeliverRequest` in the field `request`. */
export function streamOf(source: string): string {
  return `parley:events:${source}`;
}

/** The channel on which consumers report the outcome of an entry to a source's relays. */
export function replyChannelOf(source: string): string {
  return `parley:replies:${source}`;
}
