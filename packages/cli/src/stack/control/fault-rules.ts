import { randomUUID } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import type { FaultMessage } from "../../process/fault-message.ts";

/** A fault that is injected into the calls of one process. */
export interface FaultEntry {
  readonly id: string;
  readonly process: string;
  readonly method: string;
  readonly percent: number;
  readonly latencyMs: number;
  readonly code: number;
  readonly expireMs: number;
}

export interface FaultRulesOptions {
  /** Sends a process all its rules. */
  readonly send: (process: string, faults: FaultMessage["faults"]) => void;
}

/** How long a rule is active, in milliseconds. The maximum ends rules that were forgotten. */
const durationMs = { default: 60_000, min: 1_000, max: 15 * 60_000 };
/** The longest latency, in milliseconds: no call of the platform may take longer. */
const latencyMaxMs = 60_000;
/** The most rules at once. */
const rulesMax = 100;

/** The faults of all processes. Each expires. */
export class FaultRules {
  readonly #send: FaultRulesOptions["send"];
  readonly #rules = new Map<string, FaultEntry>();
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor({ send }: FaultRulesOptions) {
    this.#send = send;
  }

  of(process: string): readonly FaultEntry[] {
    return [...this.#rules.values()].filter((rule) => rule.process === process);
  }

  /** @throws ConnectError INVALID_ARGUMENT naming the field, RESOURCE_EXHAUSTED if there are too many rules. */
  add(rule: Omit<FaultEntry, "id" | "expireMs">, holdsMs: number = durationMs.default): FaultEntry {
    if (rule.latencyMs === 0 && rule.code === 0) {
      throw new ConnectError("rule: set `latency`, `code`, or both", Code.InvalidArgument);
    }
    if (rule.latencyMs < 0 || rule.latencyMs > latencyMaxMs) {
      throw new ConnectError(`rule.latency: at most ${latencyMaxMs / 1_000} seconds`, Code.InvalidArgument);
    }
    if (holdsMs < durationMs.min || holdsMs > durationMs.max) {
      throw new ConnectError("duration: from 1 second to 15 minutes", Code.InvalidArgument);
    }
    if (this.#rules.size >= rulesMax) {
      throw new ConnectError(`at most ${rulesMax} fault rules at once; remove some`, Code.ResourceExhausted);
    }
    const entry = { ...rule, id: randomUUID(), expireMs: Date.now() + holdsMs };
    this.#rules.set(entry.id, entry);
    this.#timers.set(entry.id, setTimeout(() => this.remove({ id: entry.id, process: "" }), holdsMs).unref());
    this.resend(entry.process);
    return entry;
  }

  /** Removes a rule, all rules of a process, or all. Returns those that ended. */
  remove({ id, process }: { readonly id: string; readonly process: string }): readonly FaultEntry[] {
    const ended = [...this.#rules.values()].filter(
      (rule) => (id === "" || rule.id === id) && (process === "" || rule.process === process),
    );
    for (const rule of ended) {
      this.#rules.delete(rule.id);
      clearTimeout(this.#timers.get(rule.id));
      this.#timers.delete(rule.id);
    }
    for (const name of new Set(ended.map((rule) => rule.process))) {
      this.resend(name);
    }
    return ended;
  }

  /** Sends a process its rules again, for example after its restart. */
  resend(process: string): void {
    this.#send(process, this.of(process));
  }
}
