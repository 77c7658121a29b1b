import { Code, ConnectError } from "@connectrpc/connect";
import { reasonOf } from "@parley/rpc";
import type { World } from "../world/world.ts";
import type { Ledger } from "./ledger.ts";
import { pause } from "./person.ts";

/** What came of a call: its answer, or the refusal that it will always get. */
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
/** Codes that say that a service is broken, whatever befell it. */
const strange: ReadonlySet<Code> = new Set([Code.Internal, Code.Unknown, Code.DataLoss, Code.Unimplemented]);

/** Tries at most: more than the bad times and the mending after them can take. */
const triesMax = 200;
/** The longest wait between two tries, in milliseconds. */
const pauseMsMax = 1_500;

export interface Attempts {
  readonly world: World;
  readonly ledger: Ledger;
  readonly what: string;
  /** Whether the call may be made again. */
  readonly repeats: boolean;
}

/** Makes a call again and again, as a person does who has a request id, until it is known what became of it. */
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
