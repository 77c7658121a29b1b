import type { CallContext } from "../../call/call-context.ts";
import type { ServerCall } from "./server-call.ts";

/** What the calls made on behalf of a call carry on. */
export function outgoingContext(call: ServerCall): CallContext {
  const tracestate = call.incoming.header("tracestate");
  const baggage = call.incoming.header("baggage");
  return {
    requestId: call.requestId,
    traceparent: call.trace.traceparent,
    ...(tracestate === undefined || tracestate.length > tracestateCharsMax ? {} : { tracestate }),
    ...(baggage === undefined || baggage.length > baggageCharsMax ? {} : { baggage }),
    ...(call.caller === undefined ? {} : { caller: call.caller }),
    peer: call.peer,
  };
}

/** W3C Trace Context, section 3.3.1.5: at least 512 characters should be propagated. */
const tracestateCharsMax = 512;

/** W3C Baggage, section 3.3.2: at least 8,192 bytes must be propagated. */
const baggageCharsMax = 8_192;
