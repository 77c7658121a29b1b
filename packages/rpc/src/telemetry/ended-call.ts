import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Caller } from "../call/call-context.ts";
import type { Trace } from "../call/trace.ts";

/** A server call that has ended, as the access log and the recorder read it. */
export interface EndedCall {
  readonly method: DescMethod;
  readonly protocolName: string;
  readonly requestId: string;
  /** The request id, if something asked for it while the call ran. */
  readonly requestIdIfMade: string | undefined;
  readonly trace: Trace;
  /** The trace, if something asked for it while the call ran. */
  readonly traceIfMade: Trace | undefined;
  /** The caller's address, or the address that a trusted gateway forwarded. */
  readonly peer: string;
  /** When the call began, by the clock's `monotonic`. */
  readonly startMs: number;
  /** When it had to be answered, by the same clock. Infinity for never. */
  readonly deadlineMs: number;
  /** The authenticated caller. */
  readonly caller: Caller | undefined;
  readonly incoming: {
    readonly peer: string;
    /** A request header by its name in lower case. */
    header(name: string): string | undefined;
    readonly requestHeader: Headers;
    readonly responseHeaderIfMade?: Headers | undefined;
  };
  /** The calls inside it, where it is a batch. */
  readonly batched: readonly BatchedCall[] | undefined;
  /** The request of a unary call or server stream, and the answer of a unary call. */
  readonly request: unknown;
  readonly response: unknown;
  /** The messages that came and went. */
  readonly requestMessages: number;
  readonly responseMessages: number;
}

/** One call of a batch that has ended. */
export interface BatchedCall {
  readonly method: DescMethod;
  /** The span that came with it. Empty if none did. */
  readonly parent: string;
  /** Its own span. Empty if there is none. */
  readonly traceparent: string;
  readonly requestId: string;
  readonly startMs: number;
  readonly latencyMs: number;
  readonly error: ConnectError | undefined;
}
