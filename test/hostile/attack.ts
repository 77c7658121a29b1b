/** The services that an attack may be aimed at. */
export type ServiceName = "user" | "product" | "order";

/** Where an attack goes in: at a service's own port, or at the gateway in front of it. */
export type TargetKind = "service" | "gateway";

export type Auth = "off" | "required";

/** What an attack is told of the platform. Plain data: it travels to the attacker's process. */
export interface AttackTarget {
  readonly kind: TargetKind;
  readonly auth: Auth;
  /** Where each service is called: its own port, or the gateway's. */
  readonly urls: Readonly<Record<ServiceName, string>>;
  /** A port with TLS that serves the product service's contract. */
  readonly tlsUrl: string | undefined;
  /** A customer who may place orders, and the customer's token where `AUTH=required`. */
  readonly userId: string;
  readonly token: string | undefined;
  readonly productId: string;
}

export interface AttackOptions {
  /** Aborts when the attack's time is over. The attack then closes its connections and returns. */
  readonly signal: AbortSignal;
  /** 1 is the size that the long form uses, the short form uses less. */
  readonly scale: number;
  /** Numbers from 0 to 1, repeatable by the run's seed. */
  readonly random: () => number;
  /**
   * Runs one request of the attack and has the harness measure what it alone costs the server: CPU time that the event loop was held, and
   * bytes allocated. `messageBytes` is the size of its decompressed message.
   */
  step(name: string, messageBytes: number, run: () => Promise<void>): Promise<void>;
}

/** What an attack saw. */
export interface AttackReport {
  /** Returns that are wrong by a specification, or by the platform's own promise. Each makes the row fail. */
  readonly findings: readonly string[];
  /** What was done, in a few words, for the table. */
  readonly note: string;
}

/** One way to hurt the platform: a small program, bounded in count and time, that needs only a target. */
export interface Attack {
  /** `family/what`. */
  readonly name: string;
  /** The process that is to suffer. Default: product. */
  readonly victim?: ServiceName;
  /** Where it makes sense. Default: both. */
  readonly kinds?: readonly TargetKind[];
  /** Default: both. */
  readonly auths?: readonly Auth[];
  /** Whether it needs a port with TLS. */
  readonly needsTls?: boolean;
  /** Whether it is more honest work than there is time for: then it judges itself by how much is done, and the good client is one of many. */
  readonly isOverload?: boolean;
  /** How long it may take at scale 1, in milliseconds. Default: 20,000. The short form gives it a quarter of that. */
  readonly timeMaxMs?: number;
  run(target: AttackTarget, options: AttackOptions): Promise<AttackReport>;
}

/** `count` at the scale, at least `min`. */
export function scaled(count: number, scale: number, min = 1): number {
  return Math.max(min, Math.round(count * scale));
}

/** Waits, or returns at once when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}
