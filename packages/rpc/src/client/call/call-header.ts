import type { CallContext } from "../../call/call-context.ts";
import { spanOfOutgoing } from "../../call/call-tracing.ts";
import { byCertificate, onBehalfOfHeader, serviceIdentityHeader } from "../../call/token-claims.ts";
import { childSpan } from "../../call/trace.ts";
import type { Environment } from "../../environment/environment.ts";

/** Connect's type of metadata (`HeadersInit`, which Node's types do not name). */
export type MetadataInit = Headers | [name: string, value: string][] | Record<string, string>;

/**
 * Request metadata as the layers of a client pass it on: pairs with names in lower case and checked values, cheap to
 * extend. It is an array of pairs to every other transport.
 */
export class CheckedHeader extends Array<[name: string, value: string]> {
  /** A copy with one more pair. */
  and(name: string, value: string): CheckedHeader {
    const copy = copyOf(this);
    copy.push([name, value]);
    return copy;
  }
}

/** The metadata, checked. Throws a `TypeError` for an invalid name or value. */
export function checkedHeader(header: MetadataInit | undefined): CheckedHeader {
  if (header instanceof CheckedHeader) {
    return header;
  }
  const checked = new CheckedHeader();
  if (header !== undefined && !(Array.isArray(header) && pushedPlain(header, checked))) {
    checked.length = 0;
    // Web headers refuse invalid values, and convert names to lower case.
    for (const pair of header instanceof Headers ? header : new Headers(header)) {
      checked.push(pair);
    }
  }
  return checked;
}

/** Names and values that need no check. */
const plainName = /^[a-z0-9-]+$/;
const plainValue = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/** Adds pairs directly, if all are plain and no name is repeated: Web headers would cost more than the rest of the call's metadata. */
function pushedPlain(pairs: readonly [string, string][], checked: CheckedHeader): boolean {
  for (const [name, value] of pairs) {
    if (!plainName.test(name) || !plainValue.test(value) || checked.some((pair) => pair[0] === name)) {
      return false;
    }
    checked.push([name, value]);
  }
  return true;
}

/** The sources of a call's metadata besides the caller's own. */
export interface CallOrigin {
  /** The incoming call that it is made for, if there is one. */
  readonly context: CallContext | undefined;
  readonly environment: Environment;
  /** The full name of the contract that is called: the audience of this service's token. */
  readonly contract: string;
}

/**
 * The caller's own metadata, and the incoming call's: its request id, its trace with a new span, and its caller.
 * The caller's own metadata takes precedence.
 */
export function callHeader(
  header: MetadataInit | undefined,
  { context, environment, contract }: CallOrigin,
): CheckedHeader | undefined {
  const { identity } = environment;
  const traceparent = traceparentOf(context, environment);
  if (identity === undefined && traceparent === undefined) {
    return header === undefined ? undefined : checkedHeader(header);
  }
  const pairs = checkedHeader(header);
  const ownCount = pairs.length;
  if (identity !== undefined) {
    const token = identity.token(contract);
    if (token === undefined) {
      add(pairs, ownCount, serviceIdentityHeader, byCertificate);
    } else {
      add(pairs, ownCount, "authorization", `Bearer ${token}`);
    }
  }
  if (context !== undefined) {
    add(pairs, ownCount, "x-request-id", context.requestId);
  }
  if (traceparent !== undefined) {
    add(pairs, ownCount, "traceparent", traceparent);
  }
  if (context === undefined) {
    return pairs;
  }
  if (context.tracestate !== undefined) {
    add(pairs, ownCount, "tracestate", context.tracestate);
  }
  if (context.baggage !== undefined) {
    add(pairs, ownCount, "baggage", context.baggage);
  }
  // A service calls in its own name and names its user; a gateway passes on its caller's token.
  const user = context.caller?.onBehalfOf ?? context.caller;
  if (user?.token !== undefined && (identity === undefined || user.kind !== "service")) {
    add(pairs, ownCount, identity === undefined ? "authorization" : onBehalfOfHeader, `Bearer ${user.token}`);
  }
  return pairs;
}

/** The call's own span if it has one. Otherwise the application's active span, or a new one below that of the incoming call. */
function traceparentOf(context: CallContext | undefined, environment: Environment): string | undefined {
  if (context?.outgoingSpan !== undefined) {
    return context.outgoingSpan;
  }
  const span = spanOfOutgoing(context);
  return span === undefined || span !== context?.traceparent ? span : childSpan(span, environment);
}

function add(pairs: CheckedHeader, ownCount: number, name: string, value: string): void {
  for (let index = 0; index < ownCount; index++) {
    if (pairs[index]?.[0] === name) {
      return;
    }
  }
  pairs.push([name, value]);
}

function copyOf(header: CheckedHeader): CheckedHeader {
  const copy = new CheckedHeader();
  for (const pair of header) {
    copy.push(pair);
  }
  return copy;
}
