/** The client's messages of a request, buffered; a server stream has exactly one. */
export async function startOf<T>(messages: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const message of messages) {
    all.push(message);
  }
  return all;
}

/** The same messages again. */
export async function* replay<T>(messages: readonly T[]): AsyncGenerator<T> {
  yield* messages;
}
