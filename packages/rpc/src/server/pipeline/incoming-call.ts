/** A call as it comes in over whatever wire: what the pipeline needs to know of it. */
export interface IncomingCall {
  readonly protocolName: "grpc" | "grpc-web" | "connect" | "rest";
  /** The HTTP method. */
  readonly requestMethod: string;
  readonly url: string;
  /** Where it comes from: an address, or the name on a client certificate. */
  readonly peer: string;
  /** The connection that it came by, the same object for all its calls. Undefined for calls inside the process. */
  readonly connection?: object | undefined;
  /** How long the caller will wait, in milliseconds. Undefined if it does not say. */
  readonly timeoutMs: number | undefined;
  /** Whether its caller names fields as JSON does (`userId`), and not as the contract does (`user_id`). */
  readonly jsonNames?: boolean;
  /** A request header by its name in lower case. */
  header(name: string): string | undefined;
  readonly requestHeader: Headers;
  readonly responseHeader: Headers;
  readonly responseTrailer: Headers;
}

/** Who is told what some work came to. */
export interface Settled<T> {
  onValue(value: T): void;
  onError(reason: unknown): void;
}
