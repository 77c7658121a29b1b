/** The limits of one server. Sizes in bytes, times in milliseconds. */
export interface ServerLimits {
  /** The largest request message, after decompression. */
  readonly requestBytesMax: number;
  /**
   * The maximum number of elements of a request: messages, entries of lists and maps, unknown fields, at all levels. Four times as many fields
   * may be set. A message with more than 6,000 elements also needs 8 bytes for each.
   */
  readonly requestElementsMax: number;
  /** The largest response message. */
  readonly responseBytesMax: number;
  /** All headers of a request together. */
  readonly headerBytesMax: number;
  /** Unary calls handled at the same time. Further ones are refused with RESOURCE_EXHAUSTED. */
  readonly callsMax: number;
  /** The largest share of these, in percent, that one connection or one caller may use while no other uses any. */
  readonly callsSharePercent: number;
  /** Streams open at the same time. Further ones are refused with RESOURCE_EXHAUSTED. */
  readonly streamsMax: number;
  /** The largest share of these, in percent, that one connection or one caller may use while no other uses any. */
  readonly streamsSharePercent: number;
  /** Streams of health and reflection open at the same time. */
  readonly diagnosticStreamsMax: number;
  /** The maximum age of a stream, ± 10 %, before it ends with UNAVAILABLE and its client opens it again. 0 for no limit. */
  readonly streamAgeMaxMs: number;
  /**
   * How far the latency of a unary method may rise above its unloaded latency before further calls of it are refused, so that accepted calls
   * are in time. Refusals start when even the fastest responses are late, not in a burst.
   */
  readonly queueAgeMaxMs: number;
  /** If unary calls wait longer than this on their connection, and it does not catch up, further ones on it are refused. */
  readonly readBacklogMaxMs: number;
  /**
   * Calls refused per second because of overload. Above it, connections with refused calls are read more slowly, and get fewer concurrent
   * streams.
   */
  readonly refusalsPerSecondMax: number;
  /** The time for reading in one event-loop turn, all HTTP/2 connections together, before the next turn. */
  readonly readTurnMs: number;
  /** The retry delay of shed calls. */
  readonly shedRetryAfterMs: number;
  /** The deadline of a unary call without a timeout in the contract. */
  readonly unaryTimeoutMs: number;
  /** The kernel's queue of connections to accept, see listen(2). At most its `net.core.somaxconn`. */
  readonly acceptQueueMax: number;
  /**
   * Connections open at the same time. At the limit a new connection evicts the oldest one without a request, or else
   * an idle one.
   */
  readonly connectionsMax: number;
  /** Connections open at the same time from one IPv4 address or one IPv6 /64 network. */
  readonly connectionsPerAddressMax: number;
  /** Connections that one address group may open per second in the long run, and as many in a burst. Further ones are reset. */
  readonly connectionsPerAddressPerSecondMax: number;
  /** The time limit of a TLS handshake. */
  readonly handshakeTimeoutMs: number;
  /**
   * Unanswered requests of one HTTP/1.1 connection (pipelining). Further ones are not read until one is
   * answered.
   */
  readonly pipelinedRequestsMax: number;
  /** Concurrent streams, that is calls, on one HTTP/2 connection. */
  readonly streamsPerConnectionMax: number;
  /**
   * Unanswered calls that a client may reset, or cause to be reset, in a burst on one HTTP/2 connection, before it is closed
   * (CVE-2023-44487, CVE-2025-8671). Each answered call allows one more.
   */
  readonly streamResetBurstMax: number;
  /** The same per second in the long run. */
  readonly streamResetsPerSecondMax: number;
  /**
   * HTTP/2 frames without a call's data, such as PING, SETTINGS and tiny WINDOW_UPDATEs (CVE-2019-9512 and related), in a burst on one
   * connection, before it is closed. Calls and data allow more.
   */
  readonly overheadFrameBurstMax: number;
  /** The same per second in the long run. */
  readonly overheadFramesPerSecondMax: number;
  /** Bytes of unsent responses, all connections together. Beyond it, connections whose clients do not read are closed. */
  readonly bufferedResponseBytesMax: number;
  /** The same for one connection. Beyond half of it new calls are refused, beyond all of it responses are reset, with ENHANCE_YOUR_CALM. */
  readonly bufferedResponseBytesPerConnectionMax: number;
  /** Bytes of incomplete request bodies, all connections together. Beyond it some of the oldest are refused. */
  readonly bufferedRequestBytesMax: number;
  /** The same for one connection. Beyond half of it most bodies are paused, beyond all of it bodies are refused. */
  readonly bufferedRequestBytesPerConnectionMax: number;
  /** The receive window of an HTTP/2 stream. */
  readonly streamWindowBytes: number;
  /** The receive window of an HTTP/2 connection. */
  readonly connectionWindowBytes: number;
  /** The time for a request's headers, from their first byte. */
  readonly headersTimeoutMs: number;
  /** The longest pause inside a request's body. */
  readonly bodyIdleTimeoutMs: number;
  /** The time for which a client may leave its response unread. */
  readonly stallTimeoutMs: number;
  /** The time for an HTTP/1.1 request to arrive completely. */
  readonly requestTimeoutMs: number;
  /**
   * The maximum age of a connection, ± 10 %, before its client is asked to reconnect (GOAWAY; `connection: close` over HTTP/1.1). 0 for no
   * limit.
   */
  readonly connectionAgeMaxMs: number;
  /** The time for its calls to end after that, before they are cut off. */
  readonly connectionAgeGraceMs: number;
  /** The time for which a connection without calls stays open, also before its first bytes. */
  readonly connectionIdleTimeoutMs: number;
}

/** The limits of a service inside the platform. */
export const defaultLimits: ServerLimits = {
  // gRPC's default. A larger message belongs in a stream.
  requestBytesMax: 4 * 1024 * 1024,
  // A hundred events of a hundred lines each have 20,300. To decode and validate these takes about 30 ms.
  requestElementsMax: 25_000,
  responseBytesMax: 4 * 1024 * 1024,
  // The default of Node and of most proxies.
  headerBytesMax: 16 * 1024,
  // A thousand calls of 10 ms each are more than one core can do in a second. More calls would only wait longer.
  callsMax: 1_000,
  // Leaves places for others while one caller keeps the server busy.
  callsSharePercent: 90,
  // 64 MiB at 16 KiB each, including the memory of their implementations.
  streamsMax: 4_000,
  // Streams live long: one caller must not use more than half.
  streamsSharePercent: 50,
  // Each probe, and each client that watches health, needs one.
  diagnosticStreamsMax: 500,
  // Long enough for negligible cost, short enough to recover leaked places and to spread streams to new replicas.
  streamAgeMaxMs: 60 * 60_000,
  // Well inside the 2 s that users and most clients wait. Not shorter: batched work, such as commits, gains from many calls.
  queueAgeMaxMs: 1_000,
  // RFC 8289 aims at 5 ms for packets. Here some event-loop turns are acceptable.
  readBacklogMaxMs: 25,
  // A refusal costs about 10 µs, so that these take a twentieth of the event loop. With 10,000 CreateOrder kept 79 to 100 % of its goodput.
  refusalsPerSecondMax: 5_000,
  // A call on a quiet connection waits at most this long for all others.
  readTurnMs: 10,
  shedRetryAfterMs: 500,
  unaryTimeoutMs: 10_000,
  // Linux's default. Beyond it the SYN is dropped, and sent again after a second.
  acceptQueueMax: 4_096,
  connectionsMax: 10_000,
  // Half of all: one address may be a proxy or a NAT with many callers, and still leaves room for others.
  connectionsPerAddressMax: 5_000,
  // A tenth of the rate that one core can accept. Proxies and gRPC clients reuse their connections.
  connectionsPerAddressPerSecondMax: 1_000,
  handshakeTimeoutMs: 10_000,
  // No client in wide use pipelines; load generators send up to 16 at once.
  pipelinedRequestsMax: 16,
  // The same as `callsMax`, so that a single connection can use the whole server.
  streamsPerConnectionMax: 1_000,
  // A proxy may cancel a thousand calls at once, twice in a row.
  streamResetBurstMax: 2_000,
  streamResetsPerSecondMax: 200,
  // Far more than a client needs, and few enough to process.
  overheadFrameBurstMax: 10_000,
  overheadFramesPerSecondMax: 1_000,
  // All four budgets fit into a heap of 256 MB. A connection may have eight messages of the largest size.
  bufferedResponseBytesMax: 48 * 1024 * 1024,
  bufferedResponseBytesPerConnectionMax: 32 * 1024 * 1024,
  bufferedRequestBytesMax: 48 * 1024 * 1024,
  bufferedRequestBytesPerConnectionMax: 32 * 1024 * 1024,
  // 256 KiB allow 100 MB/s for a stream at 2.5 ms. The connection's window fits a message of the largest size on each of two streams.
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 8 * 1024 * 1024,
  headersTimeoutMs: 10_000,
  bodyIdleTimeoutMs: 30_000,
  stallTimeoutMs: 30_000,
  requestTimeoutMs: 60_000,
  // Not needed with client-side load balancing. Behind an L4 load balancer, set it to some minutes.
  connectionAgeMaxMs: 0,
  // Longer than nearly every unary call. Streams are cut off, and their clients open them again.
  connectionAgeGraceMs: 60_000,
  // Longer than the 60 s of most load balancers, so that the load balancer closes an idle connection first.
  connectionIdleTimeoutMs: 75_000,
};
