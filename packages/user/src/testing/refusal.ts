import { type Code, ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { reasonOf } from "@parley/rpc";

/** An error as the caller gets it. */
export interface Refusal {
  readonly code: Code;
  readonly message: string;
  readonly reason?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** The retry delay, in whole seconds. */
  readonly retryAfterS?: number;
}

/** The error of a call that must be refused. Throws if it succeeded. */
export async function refusal(answer: Promise<unknown>): Promise<Refusal> {
  try {
    await answer;
  } catch (cause) {
    const error = ConnectError.from(cause);
    const [retry] = error.findDetails(RetryInfoSchema);
    const wait = retry === undefined ? {} : { retryAfterS: Number(retry.retryDelay?.seconds ?? 0) };
    return { code: error.code, message: error.rawMessage, ...reasonOf(error), ...wait };
  }
  throw new Error("the call was not refused");
}
