import { Code, ConnectError } from "@connectrpc/connect";
import { reasonOf } from "@parley/rpc";
import type { World } from "../world/world.ts";
import type { Ledger } from "./ledger.ts";
import { pause } from "./person.ts";

/** The outcome of a call: its response, or a final refusal. */
export type Outcome<T> =
  | { readonly kind: "answer"; readonly answer: T }
  | { readonly kind: "refusal"; readonly reason: string; readonly metadata: Readonly<Record<string, string>> }
  | { readonly kind: "unknown" };

/** Codes with an unknown outcome, or for which a retry is useful. */
const inDoubt: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.Aborted,
  Code.ResourceExhausted,
  Code.Canceled,
]);
/** Codes that indicate a broken service, whatever faults occurred. */
const strange: ReadonlySet<Code> = new Set([Code.Internal, Code.Unknown, Code.DataLoss, Code.Unimplemented]);

/** The maximum number of attempts: more than the faults and the recovery after them can require. */
const triesMax = 200;
/** The longest wait between two attempts, in milliseconds. */
const pauseMsMax = 1_500;

export interface Attempts {
  readonly world: World;
  readonly ledger: Ledger;
  readonly what: string;
  /** Whether the call may be retried. */
  readonly repeats: boolean;
}

/** Retries a call until its outcome is known, as a client with a request id does. */
export async function untilAnswered<T>(call: () => Promise<T>, options: Attempts): Promise<Outcome<T>> {
  const { world, ledger, what, repeats } = options;
  for (let tries = 0; tries < triesMax; tries++) {
    try {
      const answer = await call();
      world.history.note(`${what}: answered`);
      return { kind: "answer", answer };
    } catch (reason) {
      const error = ConnectError.from(reason);
      const known = reasonOf(error);
      world.history.note(`${what}: ${Code[error.code]} ${known?.reason ?? ""} ${error.rawMessage}`);
      if (strange.has(error.code)) ledger.strange.push(`${what}: ${Code[error.code]} ${error.rawMessage}`);
      else if (!inDoubt.has(error.code)) {
        return { kind: "refusal", reason: known?.reason ?? Code[error.code] ?? "", metadata: known?.metadata ?? {} };
      }
      if (!repeats) break;
      await pause(world, pauseMsMax);
    }
  }
  return { kind: "unknown" };
}
