import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Caller } from "../call/call-context.ts";
import type { Trace } from "../call/trace.ts";

/** An ended server call, for the access log and the recorder. */
export interface EndedCall {
  readonly method: DescMethod;
  readonly protocolName: string;
  readonly requestId: string;
  /** The request id, if it was read during the call. */
  readonly createdRequestId: string | undefined;
  readonly trace: Trace;
  /** The trace, if it was read during the call. */
  readonly createdTrace: Trace | undefined;
  /** The caller's address, or the address that a trusted gateway forwarded. */
  readonly peer: string;
  /** When the call began, on the clock's `monotonic`. */
  readonly startMs: number;
  /** The deadline, on the same clock. Infinity if there is none. */
  readonly deadlineMs: number;
  /** The authenticated caller. */
  readonly caller: Caller | undefined;
  readonly incoming: {
    readonly peer: string;
    /** A request header by its lower-case name. */
    header(name: string): string | undefined;
    readonly requestHeader: Headers;
    readonly createdResponseHeader?: Headers | undefined;
  };
  /** The calls of a batch. Undefined if it is not a batch. */
  readonly batched: readonly BatchedCall[] | undefined;
  /** The request of a unary call or server stream, and the response of a unary call. */
  readonly request: unknown;
  readonly response: unknown;
  /** The numbers of messages received and sent. */
  readonly requestMessages: number;
  readonly responseMessages: number;
}

/** One ended call of a batch. */
export interface BatchedCall {
  readonly method: DescMethod;
  /** The caller's span. Empty if there is none. */
  readonly parent: string;
  /** Its own span. Empty if there is none. */
  readonly traceparent: string;
  readonly requestId: string;
  readonly startMs: number;
  readonly latencyMs: number;
  readonly error: ConnectError | undefined;
}
