import { type DescMethod, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import { type Duration, MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Code } from "@connectrpc/connect";
import {
  type Access,
  access,
  Caller,
  type HedgingPolicy,
  hedging,
  type RetryPolicy,
  retry,
  timeout,
} from "@parley/gen/rpc/v1/options_pb.js";

/** A method's options in the contract. Read once from the descriptor, see {@link methodPolicy}. */
export interface MethodPolicy {
  /** The longest time of a call, all attempts included. If undefined, the caller and the server decide. */
  readonly timeoutMs?: number;
  /** The retry policy of failed calls. */
  readonly retry?: RetryRule;
  /** The hedging policy of unanswered calls. Only for methods that are always repeatable, and without {@link retry}. */
  readonly hedging?: HedgingRule;
  /** The callers that may call the method where the server requires authentication. */
  readonly access: AccessRule;
  /**
   * Whether a call may be sent twice: "always" if the contract's `idempotency_level` allows it, "with-request-id"
   * if only requests with a `request_id` may be repeated.
   */
  readonly repeatable: "always" | "with-request-id" | "never";
}

/** A retry policy of gRPC's proposal A6. Waits are before jitter. */
export interface RetryRule {
  /** The number of attempts, the first included. From 1 to 5. */
  readonly attemptsMax: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly backoffMultiplier: number;
  readonly codes: ReadonlySet<Code>;
}

/** A hedging policy of gRPC's proposal A6. */
export interface HedgingRule {
  /** The number of attempts, the first included. From 2 to 5. */
  readonly attemptsMax: number;
  /** The wait before the next attempt, unless a response arrives first. */
  readonly delayMs: number;
  /** The codes that send the next attempt at once. Other codes end the call. */
  readonly nonFatalCodes: ReadonlySet<Code>;
}

/** The callers that may call a method. */
export interface AccessRule {
  readonly caller: Caller;
  /** For owners: the path of the request field that names the owner. Empty otherwise. */
  readonly ownerField: string;
  /** The kind of resource in the owner field, if it is not the owner's user id. Empty otherwise. */
  readonly ownerOf: string;
  /** The services that may call the method with their own token. For `Caller.SERVICE`, an empty list means every service. */
  readonly services: readonly string[];
  /** For owners: whether a caller without a token may call the method with an empty owner field, if the server accepts guests. */
  readonly guests: boolean;
}

/** A6: "the maximum is 5", so that a mistake in a contract cannot multiply load without bound. */
const attemptsCap = 5;

const policies = new WeakMap<DescMethod, MethodPolicy>();

/** An invalid combination of a method's options. Thrown when a server or a client of it is created, never by a call. */
export class PolicyError extends Error {
  override readonly name = "PolicyError";

  constructor(method: DescMethod, problem: string) {
    super(`${method.parent.typeName}/${method.name}: ${problem}`);
  }
}

/** The method's options. Cached by descriptor. Throws a {@link PolicyError} for options that contradict each other. */
export function methodPolicy(method: DescMethod): MethodPolicy {
  let policy = policies.get(method);
  if (policy === undefined) {
    policy = readPolicy(method);
    policies.set(method, policy);
  }
  return policy;
}

function readPolicy(method: DescMethod): MethodPolicy {
  return {
    ...(hasOption(method, timeout) ? { timeoutMs: milliseconds(getOption(method, timeout)) } : {}),
    ...(hasOption(method, retry) ? { retry: retryRule(getOption(method, retry)) } : {}),
    ...(hasOption(method, hedging) ? { hedging: hedgingRule(method, getOption(method, hedging)) } : {}),
    access: accessRule(getOption(method, access)),
    repeatable: repeatable(method),
  };
}

function retryRule(policy: RetryPolicy): RetryRule {
  return {
    attemptsMax: Math.min(Math.max(policy.maxAttempts, 1), attemptsCap),
    initialBackoffMs: milliseconds(policy.initialBackoff),
    maxBackoffMs: milliseconds(policy.maxBackoff),
    backoffMultiplier: policy.backoffMultiplier,
    codes: new Set(policy.retryableCodes as number[]),
  };
}

function hedgingRule(method: DescMethod, policy: HedgingPolicy): HedgingRule {
  const wrong = hedgingMistake(method, policy);
  if (wrong !== undefined) {
    throw new PolicyError(method, wrong);
  }
  return {
    attemptsMax: Math.min(policy.maxAttempts, attemptsCap),
    delayMs: milliseconds(policy.hedgingDelay),
    nonFatalCodes: new Set(policy.nonFatalCodes as number[]),
  };
}

function hedgingMistake(method: DescMethod, { maxAttempts }: HedgingPolicy): string | undefined {
  if (hasOption(method, retry)) {
    return "set only one of (rpc.v1.retry) and (rpc.v1.hedging)";
  }
  if (method.methodKind !== "unary") {
    return "(rpc.v1.hedging) is for unary methods; remove it";
  }
  if (repeatable(method) !== "always") {
    return (
      "(rpc.v1.hedging) makes the server process a call several times: " +
      "set idempotency_level to NO_SIDE_EFFECTS or IDEMPOTENT if that is safe, or remove it"
    );
  }
  return maxAttempts < 2 ? "(rpc.v1.hedging) needs max_attempts of 2 to 5" : undefined;
}

function accessRule(rule: Access): AccessRule {
  return {
    caller: rule.caller ?? Caller.UNSPECIFIED,
    ownerField: rule.ownerField,
    ownerOf: rule.ownerOf,
    services: rule.services,
    guests: rule.guests,
  };
}

function repeatable(method: DescMethod): MethodPolicy["repeatable"] {
  if (method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN) {
    return "always";
  }
  const hasRequestId = method.input.fields.some(
    (field) => field.name === "request_id" && field.fieldKind === "scalar" && field.scalar === ScalarType.STRING,
  );
  return hasRequestId ? "with-request-id" : "never";
}

function milliseconds(duration: Duration | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}
