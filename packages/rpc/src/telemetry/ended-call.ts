import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Caller } from "../call/call-context.ts";
import type { Trace } from "../call/trace.ts";

/** A server call that has ended, as the access log and the trace journal read it. */
export interface EndedCall {
  readonly method: DescMethod;
  readonly protocolName: string;
  readonly requestId: string;
  readonly trace: Trace;
  /** The trace, if something asked for it while the call ran. */
  readonly traceIfMade: Trace | undefined;
  /** The caller's address, or the address that a trusted gateway forwarded. */
  readonly peer: string;
  /** When the call began, by the clock's `monotonic`. */
  readonly startMs: number;
  /** The authenticated caller. */
  readonly caller: Caller | undefined;
  readonly incoming: {
    readonly peer: string;
    /** A request header by its name in lower case. */
    header(name: string): string | undefined;
  };
  /** The calls inside it, where it is a batch. */
  readonly batched: readonly BatchedCall[] | undefined;
}

/** One call of a batch that has ended. */
export interface BatchedCall {
  readonly method: DescMethod;
  readonly traceparent: string;
  readonly error: ConnectError | undefined;
}
