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
  /** Unary calls handled at once. Further ones are refused with RESOURCE_EXHAUSTED. */
  readonly callsMax: number;
  /** The largest share of these, in percent, that one connection or one caller may use while no other uses any. */
  readonly callsSharePercent: number;
  /** Streams open at once. Further ones are refused with RESOURCE_EXHAUSTED. */
  readonly streamsMax: number;
  /** The largest share of these, in percent, that one connection or one caller may use while no other uses any. */
  readonly streamsSharePercent: number;
  /** Streams of health and reflection open at once. */
  readonly diagnosticStreamsMax: number;
  /** How long a stream lives, give or take a tenth, before it ends with UNAVAILABLE for its client to open it again. 0 for ever. */
  readonly streamAgeMaxMs: number;
  /**
   * How much longer than in quiet times the answers of a unary method may take before further calls of it are refused, so that those that
   * are let in are answered in time. Refusing begins where even the fastest answers are late, not in a burst.
   */
  readonly queueAgeMaxMs: number;
  /** How long unary calls may wait on their connection before further ones on it are refused, once that lasts. */
  readonly readBacklogMaxMs: number;
  /** How long reading may take in one turn of the event loop, all HTTP/2 connections together, before each has had its slice. */
  readonly readTurnMs: number;
  /** What a shed caller is told to wait before it tries again. */
  readonly shedRetryAfterMs: number;
  /** How long a unary call may take where the contract says nothing. */
  readonly unaryTimeoutMs: number;
  /** Connections that the kernel holds until they are accepted, see listen(2). It allows no more than its `net.core.somaxconn`. */
  readonly acceptQueueMax: number;
  /**
   * Connections open at once. At the limit a new connection takes the place of the one that has been silent for longest, or
   * of one without a call on it.
   */
  readonly connectionsMax: number;
  /** Connections open at once from one IPv4 address or one IPv6 /64 network. */
  readonly connectionsPerAddressMax: number;
  /** Connections that one address group may open in a second in the long run, and twice as many at once. Further ones are reset. */
  readonly connectionsPerAddressPerSecondMax: number;
  /** How long a TLS handshake may take. */
  readonly handshakeTimeoutMs: number;
  /**
   * Requests of one HTTP/1.1 connection that wait for their answers at once (pipelining). Further ones are not read until one of these is
   * answered.
   */
  readonly pipelinedRequestsMax: number;
  /** Streams, that is calls, open at once on one HTTP/2 connection. */
  readonly streamsPerConnectionMax: number;
  /**
   * Calls that a client may reset, or cause to be reset, before they are answered, in a burst on one HTTP/2 connection, before that is closed
   * (CVE-2023-44487, CVE-2025-8671). Each answered call allows one more.
   */
  readonly streamResetBurstMax: number;
  /** And how many a second in the long run, besides those. */
  readonly streamResetsPerSecondMax: number;
  /**
   * HTTP/2 frames that serve no call, such as PING, SETTINGS and tiny WINDOW_UPDATEs (CVE-2019-9512 and its kin), in a burst on one connection, before
   * that is closed. Calls and data allow more.
   */
  readonly overheadFrameBurstMax: number;
  /** And how many a second in the long run, besides those. */
  readonly overheadFramesPerSecondMax: number;
  /** Bytes of answers that may wait to be sent, all connections together. Beyond it, connections whose clients take nothing are closed. */
  readonly bufferedResponseBytesMax: number;
  /** And on one connection. Beyond half of it new calls are refused, beyond all of it answers are reset, with ENHANCE_YOUR_CALM. */
  readonly bufferedResponseBytesPerConnectionMax: number;
  /** Bytes of unfinished request bodies that may be held, all connections together. Beyond it the oldest are refused. */
  readonly bufferedRequestBytesMax: number;
  /** And on one connection. Beyond half of it most bodies have to wait, beyond all of it further ones are refused. */
  readonly bufferedRequestBytesPerConnectionMax: number;
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
  /**
   * How long a connection lives, give or take a tenth, before its client is asked to make a new one (GOAWAY; `connection: close` over HTTP/1.1). 0 for
   * ever.
   */
  readonly connectionAgeMaxMs: number;
  /** How long calls on it may then take to end before they are cut. */
  readonly connectionAgeGraceMs: number;
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
  // Others still get a place at once while one caller keeps the server busy.
  callsSharePercent: 90,
  // At 16 KiB each at most, with what their implementations hold, 64 MiB.
  streamsMax: 4_000,
  // Streams are held for long: one caller must not hold more than half.
  streamsSharePercent: 50,
  // A probe, or a client of each replica that watches health, needs one each.
  diagnosticStreamsMax: 500,
  // Long enough to cost nothing, short enough that a place that was forgotten comes back, and that new replicas get their share of streams.
  streamAgeMaxMs: 60 * 60_000,
  // Well inside the 2 s that people and most clients wait. Not shorter: work that is done together, such as commits, gains from many calls.
  queueAgeMaxMs: 1_000,
  // RFC 8289 aims at 5 ms for packets. What waits here is worth a few turns.
  readBacklogMaxMs: 25,
  // What a caller on a quiet connection waits at most for all others.
  readTurnMs: 20,
  shedRetryAfterMs: 500,
  unaryTimeoutMs: 10_000,
  // Linux's own default. Beyond it a connection's first packet is dropped, and sent again after a second.
  acceptQueueMax: 4_096,
  connectionsMax: 10_000,
  // Half of them: one address may be a proxy or a NAT with many callers behind it, and still leaves room for others.
  connectionsPerAddressMax: 5_000,
  // A tenth of what one core accepts. Proxies and gRPC clients keep their connections.
  connectionsPerAddressPerSecondMax: 1_000,
  handshakeTimeoutMs: 10_000,
  // No client in wide use pipelines; load generators send up to 16 at once.
  pipelinedRequestsMax: 16,
  // As many as the server itself takes, so that one caller alone may fill it.
  streamsPerConnectionMax: 1_000,
  // A proxy may cancel all of a thousand calls at once, and as many again at once after that.
  streamResetBurstMax: 2_000,
  streamResetsPerSecondMax: 200,
  // Far more than any client has reason to send besides its calls, and few enough to be answered.
  overheadFrameBurstMax: 10_000,
  overheadFramesPerSecondMax: 1_000,
  // All four fit beside each other in a heap of 256 MB; a connection may have eight messages of the largest size.
  bufferedResponseBytesMax: 64 * 1024 * 1024,
  bufferedResponseBytesPerConnectionMax: 32 * 1024 * 1024,
  bufferedRequestBytesMax: 64 * 1024 * 1024,
  bufferedRequestBytesPerConnectionMax: 32 * 1024 * 1024,
  // 256 KiB let a stream do 100 MB/s at 2.5 ms; the connection's window is that of a full message on each of two streams.
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 8 * 1024 * 1024,
  headersTimeoutMs: 10_000,
  bodyIdleTimeoutMs: 30_000,
  stallTimeoutMs: 30_000,
  requestTimeoutMs: 60_000,
  // Clients that balance know the servers themselves; behind a load balancer of connections, set it to some minutes.
  connectionAgeMaxMs: 0,
  // Longer than nearly every unary call, and short for a stream, which its client opens again.
  connectionAgeGraceMs: 60_000,
  // Longer than the 60 s after which most load balancers drop an idle connection, so that they drop it and not we.
  connectionIdleTimeoutMs: 75_000,
};
