/** What one server takes on. Sizes in bytes, times in milliseconds. */
export interface ServerLimits {
  /** The largest message taken in, after decompression. */
  readonly requestBytesMax: number;
  /**
   * The most elements of a request: messages, entries of lists and maps, unknown fields, all levels together. Four times as many fields may be set.
   * A message with more than 6,000 also needs 8 bytes for each.
   */
  readonly requestElementsMax: number;
  /** The largest message sent out. */
  readonly responseBytesMax: number;
  /** All headers of a request together. */
  readonly headerBytesMax: number;
  /** Calls under way at once. What comes on top is shed with RESOURCE_EXHAUSTED. */
  readonly callsMax: number;
  /** What a shed caller is told to wait before it tries again. */
  readonly shedRetryAfterMs: number;
  /** How long a unary call may take where the contract says nothing. */
  readonly unaryTimeoutMs: number;
  /** Connections open at once. */
  readonly connectionsMax: number;
  /** Streams, that is calls, open at once on one HTTP/2 connection. */
  readonly streamsPerConnectionMax: number;
  /** Streams that a client may reset in a burst before its connection is closed (CVE-2023-44487). */
  readonly streamResetBurstMax: number;
  /** And how many a second in the long run. */
  readonly streamResetsPerSecondMax: number;
  /** What a client may send on one HTTP/2 stream before it has to wait. */
  readonly streamWindowBytes: number;
  /** And on one HTTP/2 connection. */
  readonly connectionWindowBytes: number;
  /** How long a request may take to send its headers, from their first byte. */
  readonly headersTimeoutMs: number;
  /** How long a client may pause inside a request's body. */
  readonly bodyIdleTimeoutMs: number;
  /** How long a client may take nothing of an answer that waits for it. */
  readonly stallTimeoutMs: number;
  /** How long an HTTP/1.1 request may take to arrive in full. */
  readonly requestTimeoutMs: number;
  /** How long a connection stays open with no call on it, also one that has not said anything yet. */
  readonly connectionIdleTimeoutMs: number;
}

/** The limits of a service inside the platform. */
export const defaultLimits: ServerLimits = {
  // What gRPC takes in by default. Whatever is larger belongs in a stream.
  requestBytesMax: 4 * 1024 * 1024,
  // A hundred events of a hundred lines each have 20,300. Decoding and validating as many takes about 30 ms.
  requestElementsMax: 25_000,
  responseBytesMax: 4 * 1024 * 1024,
  // What Node takes in by default, and most proxies.
  headerBytesMax: 16 * 1024,
  // A thousand calls of 10 ms each are more than one core can do in a second; beyond that waiting only grows.
  callsMax: 1_000,
  shedRetryAfterMs: 500,
  unaryTimeoutMs: 10_000,
  connectionsMax: 10_000,
  // As many as the server itself takes, so that one caller alone may fill it.
  streamsPerConnectionMax: 1_000,
  streamResetBurstMax: 1_000,
  streamResetsPerSecondMax: 100,
  // 256 KiB let a stream do 100 MB/s at 2.5 ms; the connection's window is that of a full message on each of two streams.
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 8 * 1024 * 1024,
  headersTimeoutMs: 10_000,
  bodyIdleTimeoutMs: 30_000,
  stallTimeoutMs: 30_000,
  requestTimeoutMs: 60_000,
  // Longer than the 60 s after which most load balancers drop an idle connection, so that they drop it and not we.
  connectionIdleTimeoutMs: 75_000,
};
