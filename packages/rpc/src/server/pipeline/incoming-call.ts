/** An incoming call of any protocol: the data that the pipeline needs. */
export interface IncomingCall {
  readonly protocolName: "grpc" | "grpc-web" | "connect" | "rest";
  /** The HTTP method. */
  readonly requestMethod: string;
  readonly url: string;
  /** The peer's address, or the name on its client certificate. */
  readonly peer: string;
  /** Its connection, the same object for all calls on it. Undefined for calls inside the process. */
  readonly connection?: object | undefined;
  /** The caller's timeout, in milliseconds. Undefined if it set none. */
  readonly timeoutMs: number | undefined;
  /** Whether the caller uses the JSON names of fields (`userId`), not the protobuf names (`user_id`). */
  readonly jsonNames?: boolean;
  /** A request header by its name in lower case. */
  header(name: string): string | undefined;
  readonly requestHeader: Headers;
  readonly responseHeader: Headers;
  readonly responseTrailer: Headers;
}

/** Receives the result of some work: a value or an error. */
export interface Settled<T> {
  onValue(value: T): void;
  onError(reason: unknown): void;
}
