import { Code, type ConnectError } from "@connectrpc/connect";
import { isOwnTimer } from "../call/attempt-outcome.ts";
import type { MethodState } from "./target-state.ts";

/** The time limits of a call, in milliseconds. */
export interface CallLimits {
  /** The call's own `timeoutMs`. */
  readonly askedMs: number | undefined;
  /** The default without either. Infinity for none. */
  readonly defaultMs: number;
}

/**
 * Adds to a deadline error of this side the method, the limit, its source, and how to extend it. Other errors, and
 * those from the server, stay unchanged.
 */
export function nameDeadline(error: ConnectError, { name, policy }: MethodState, limits: CallLimits): ConnectError {
  if (error.code !== Code.DeadlineExceeded || !isOwnTimer(error)) {
    return error;
  }
  const { askedMs = Number.POSITIVE_INFINITY, defaultMs } = limits;
  const contractMs = policy.timeoutMs ?? Number.POSITIVE_INFINITY;
  const limitMs = Math.min(askedMs, contractMs, defaultMs);
  const why =
    askedMs < contractMs
      ? `\`timeoutMs\` of the call. Set a longer one${contractMs < Number.POSITIVE_INFINITY ? `; the contract allows ${contractMs} ms` : ""}.`
      : contractMs < Number.POSITIVE_INFINITY
        ? "rpc.v1.timeout in its contract. To allow more, raise it there."
        : "defaultTimeoutMs of the client. Set `timeoutMs` for the call.";
  const waited = error.rawMessage.startsWith(waitedPrefix)
    ? ` It ${error.rawMessage.slice(timedOutWhile.length)}.`
    : "";
  const rawMessage = `${name} did not answer within ${Math.max(0, Math.round(limitMs))} ms, the limit of ${why}${waited}`;
  Object.assign(error, { rawMessage, message: `[deadline_exceeded] ${rawMessage}` });
  return error;
}

const timedOutWhile = "the operation timed out while it ";
const waitedPrefix = `${timedOutWhile}waited`;
