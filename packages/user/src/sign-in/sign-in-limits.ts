import type { SharedLimits } from "@parley/events/limits";
import type { Clock } from "@parley/rpc";
import type { ClientAddress } from "./client-address.ts";
import { createFailedLogins, type FailedLoginsOptions } from "./failed-logins.ts";

/** An attempt to sign in. */
export interface Attempt {
  /** The account's key. */
  readonly account: string;
  readonly address: ClientAddress;
}

/** Limits on failed sign-ins, by account and by address. */
export interface SignInLimits {
  /**
   * Counts an attempt, at first as a failure: concurrent attempts must not all be free. Returns how long its caller must wait instead, in
   * milliseconds; 0 if the password may be checked.
   */
  begin(attempt: Attempt): Promise<number>;
  /**
   * The password was right. Drops all failures of the account, but only this one of the address: a caller who knows one password must not get more
   * guesses at others.
   */
  succeeded(attempt: Attempt): Promise<void>;
  /** The password was not checked, so the attempt is no failure. */
  withdraw(attempt: Attempt): Promise<void>;
}

export interface SignInLimitsOptions {
  readonly clock: Clock;
  /** Counters shared by all replicas. Without them, or while Redis is unreachable, each replica counts locally. */
  readonly shared?: SharedLimits | undefined;
  /** Default: those of docs/access.md. */
  readonly rules?: SignInRules;
}

/** The limits of an account, of an address, and of an address that many callers share. */
export type SignInRules = Readonly<Record<"account" | "address" | "sharedAddress", Rule>>;

type Rule = Pick<FailedLoginsOptions, "freeFailures" | "firstWaitMs" | "longestWaitMs">;

/** After this time without an attempt, failures are dropped. */
const forgetAfterMs = 30 * 60_000;
/** The most accounts, and addresses, that a process counts for itself. */
const keysMax = 10_000;
/**
 * An account: after five failures the waits double from a second to a minute, which leaves an attacker 1,440 guesses a day
 * and locks no owner out for longer. An address, which a household may share: twenty failures, up to a quarter of an hour. An
 * address that many callers share, since none is authenticated: a thousand failures, up to a second, so that one caller cannot
 * lock the others out.
 */
const signInRules: SignInRules = {
  account: { freeFailures: 5, firstWaitMs: 1_000, longestWaitMs: 60_000 },
  address: { freeFailures: 20, firstWaitMs: 1_000, longestWaitMs: 15 * 60_000 },
  sharedAddress: { freeFailures: 1_000, firstWaitMs: 1_000, longestWaitMs: 1_000 },
};

export function createSignInLimits({ clock, shared, rules = signInRules }: SignInLimitsOptions): SignInLimits {
  const own = createOwnLimits(clock, rules);
  return shared === undefined ? own : createSharedLimits(shared, own, rules);
}

interface OwnLimits extends SignInLimits {
  /** Counts an attempt that the shared counters admitted. */
  count(attempt: Attempt): void;
}

function createOwnLimits(clock: Clock, rules: SignInRules): OwnLimits {
  const of = (rule: Rule) => createFailedLogins({ ...rule, clock, forgetAfterMs, keysMax });
  const [accounts, addresses, sharedAddresses] = [of(rules.account), of(rules.address), of(rules.sharedAddress)];
  const byAddress = ({ address }: Attempt) => (address.shared ? sharedAddresses : addresses);

  function count(attempt: Attempt): void {
    accounts.failed(attempt.account);
    byAddress(attempt).failed(attempt.address.group);
  }

  return {
    count,
    // No await between the check and the count.
    async begin(attempt) {
      const { account, address } = attempt;
      const waitMs = Math.max(accounts.waitMs(account), byAddress(attempt).waitMs(address.group));
      if (waitMs === 0) {
        count(attempt);
      }
      return waitMs;
    },
    async succeeded(attempt) {
      accounts.forget(attempt.account);
      byAddress(attempt).succeeded(attempt.address.group);
    },
    async withdraw(attempt) {
      accounts.succeeded(attempt.account);
      byAddress(attempt).succeeded(attempt.address.group);
    },
  };
}

/** Counts in Redis and in this process, whose counters apply while Redis is unreachable. */
function createSharedLimits(shared: SharedLimits, own: OwnLimits, rules: SignInRules): SignInLimits {
  const keysOf = ({ account, address }: Attempt) => [
    shared.keyOf("sign-in-account", account),
    shared.keyOf(address.shared ? "sign-in-shared-address" : "sign-in-address", address.group),
  ];
  return {
    async begin(attempt) {
      const ruleOfAddress = attempt.address.shared ? rules.sharedAddress : rules.address;
      const waits = [rules.account, ruleOfAddress].flatMap((rule) => [
        rule.freeFailures,
        rule.firstWaitMs,
        rule.longestWaitMs,
      ]);
      const waitMs = await shared.run({
        script: beginScript,
        keys: keysOf(attempt),
        values: [forgetAfterMs, ...waits],
      });
      if (typeof waitMs !== "number") {
        return await own.begin(attempt);
      }
      if (waitMs === 0) {
        own.count(attempt);
      }
      return waitMs;
    },
    async succeeded(attempt) {
      await own.succeeded(attempt);
      await shared.run({ script: endScript, keys: keysOf(attempt), values: ["all", "one"] });
    },
    async withdraw(attempt) {
      await own.withdraw(attempt);
      await shared.run({ script: endScript, keys: keysOf(attempt), values: ["one", "one"] });
    },
  };
}

/** The wait, by the time of Redis; without one, counts a failure of each key. The same rule as in failed-logins.ts. */
const beginScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = 0
for i, key in ipairs(KEYS) do
  local known = redis.call('HMGET', key, 'count', 'last')
  local count, last = tonumber(known[1] or 0), tonumber(known[2] or 0)
  local free, first, longest = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  if count > free then
    wait = math.max(wait, last + math.min(first * 2 ^ (count - free - 1), longest) - now)
  end
end
if wait > 0 then return math.ceil(wait) end
for _, key in ipairs(KEYS) do
  redis.call('HINCRBY', key, 'count', 1)
  redis.call('HSET', key, 'last', string.format('%.0f', now))
  redis.call('PEXPIRE', key, ARGV[1])
end
return 0`;

/** Drops one failure of a key, or all. */
const endScript = `
for i, key in ipairs(KEYS) do
  if ARGV[i] == 'all' or redis.call('HINCRBY', key, 'count', -1) <= 0 then redis.call('DEL', key) end
end
return 0`;
