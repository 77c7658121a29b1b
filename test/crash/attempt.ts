import { Code, ConnectError } from "@connectrpc/connect";
import { reasonOf } from "@parley/rpc";

/** The outcome of a call. */
export type Outcome<T> =
  | { readonly kind: "answered"; readonly answer: T }
  /** Final: the same call gets the same refusal. */
  | { readonly kind: "refused"; readonly reason: string }
  /** Its outcome is unknown. */
  | { readonly kind: "unclear" }
  /** An error that no injected fault explains. */
  | { readonly kind: "unexpected"; readonly error: string };

/** Codes that are expected while processes are killed or stopped. */
const unclearCodes: readonly Code[] = [Code.Unavailable, Code.DeadlineExceeded, Code.ResourceExhausted, Code.Aborted];

/** Awaits a call and classifies its outcome. */
export async function attempt<T>(call: Promise<T>): Promise<Outcome<T>> {
  try {
    return { kind: "answered", answer: await call };
  } catch (cause) {
    const error = ConnectError.from(cause);
    if (unclearCodes.includes(error.code) || isBrokenPipe(error)) return { kind: "unclear" };
    const reason = reasonOf(error)?.reason;
    if (error.code === Code.FailedPrecondition && reason !== undefined) return { kind: "refused", reason };
    return { kind: "unexpected", error: `${Code[error.code]} ${reason ?? ""}: ${error.message}` };
  }
}

/** Stock Connect reports INTERNAL if the peer closes the connection while a request is being written. */
function isBrokenPipe({ code, cause }: ConnectError): boolean {
  return code === Code.Internal && cause instanceof Error && "code" in cause && cause.code === "EPIPE";
}
