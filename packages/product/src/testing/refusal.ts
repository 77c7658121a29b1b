import { type Code, ConnectError } from "@connectrpc/connect";
import { reasonOf } from "@parley/rpc";

/** An error as the caller gets it. */
export interface Refusal {
  readonly code: Code;
  readonly message: string;
  readonly reason?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The error of a call that must be refused. Throws if it succeeded. */
export async function refusal(answer: Promise<unknown>): Promise<Refusal> {
  try {
    await answer;
  } catch (cause) {
    const error = ConnectError.from(cause);
    return { code: error.code, message: error.rawMessage, ...reasonOf(error) };
  }
  throw new Error("the call was not refused");
}
