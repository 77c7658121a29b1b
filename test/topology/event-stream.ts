/** A stream of server-sent events. */
export interface EventStream {
  /** The events so far. */
  events(): number;
  close(): void;
}

/** Opens a stream, and counts its events for as long as it stays open. */
export async function openEventStream(url: string, token: string): Promise<EventStream> {
  const closing = new AbortController();
  const headers = { accept: "text/event-stream", authorization: `Bearer ${token}` };
  const response = await fetch(url, { headers, signal: closing.signal });
  if (!response.ok || response.body === null) {
    throw new Error(`${url} answered ${response.status}`);
  }
  let events = 0;
  const decoder = new TextDecoder();
  async function read(body: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of body) {
      events += decoder.decode(chunk, { stream: true }).split("\ndata:").length - 1;
    }
  }
  void read(response.body).catch(() => {});
  return { events: () => events, close: () => closing.abort() };
}
