import { type Code, ConnectError } from "@connectrpc/connect";
import { reasonOf } from "@parley/rpc";

/** What a caller is told who is refused. */
export interface Refusal {
  readonly code: Code;
  readonly message: string;
  readonly reason?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The refusal of a call that must be refused. Throws if it was answered. */
export async function refusal(answer: Promise<unknown>): Promise<Refusal> {
  try {
    await answer;
  } catch (cause) {
    const error = ConnectError.from(cause);
    return { code: error.code, message: error.rawMessage, ...reasonOf(error) };
  }
  throw new Error("the call was not refused");
}
