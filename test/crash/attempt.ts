import { Code, ConnectError } from "@connectrpc/connect";
import { reasonOf } from "@parley/rpc";

/** What came of a call. */
export type Outcome<T> =
  | { readonly kind: "answered"; readonly answer: T }
  /** For good: the same call again gets the same. */
  | { readonly kind: "refused"; readonly reason: string }
  /** Its outcome is unknown. */
  | { readonly kind: "unclear" }
  /** An error that no fault explains. */
  | { readonly kind: "unexpected"; readonly error: string };

/** What a call may end with while processes die and hang. */
const unclearCodes: readonly Code[] = [Code.Unavailable, Code.DeadlineExceeded, Code.ResourceExhausted, Code.Aborted];

/** Makes a call and sorts its outcome. */
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

/** Stock Connect says INTERNAL where the other side closed the connection that a request was being written to. */
function isBrokenPipe({ code, cause }: ConnectError): boolean {
  return code === Code.Internal && cause instanceof Error && "code" in cause && cause.code === "EPIPE";
}
