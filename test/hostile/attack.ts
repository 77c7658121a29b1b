/** The services that an attack can target. */
export type ServiceName = "user" | "product" | "order";

/** Where an attack connects: to a service's own port, or to the gateway. */
export type TargetKind = "service" | "gateway";

export type Auth = "off" | "required";

/** The platform as an attack sees it. Plain data, because it is sent to the attacker's process. */
export interface AttackTarget {
  readonly kind: TargetKind;
  readonly auth: Auth;
  /** The URL of each service: its own port, or the gateway's. */
  readonly urls: Readonly<Record<ServiceName, string>>;
  /** A TLS port with the product service's contract. */
  readonly tlsUrl: string | undefined;
  /** A customer who may place orders, and the customer's token with `AUTH=required`. */
  readonly userId: string;
  readonly token: string | undefined;
  readonly productId: string;
}

export interface AttackOptions {
  /** Aborts when the attack's time has passed. The attack then closes its connections and returns. */
  readonly signal: AbortSignal;
  /** The size of the attack: 1 in the long form, less in the short form. */
  readonly scale: number;
  /** Pseudo-random numbers from 0 to 1, determined by the run's seed. */
  readonly random: () => number;
  /**
   * Runs one request of the attack. The harness measures its cost for the server: CPU time that blocks the event loop, and
   * allocated bytes. `messageBytes` is the size of its decompressed message.
   */
  step(name: string, messageBytes: number, run: () => Promise<void>): Promise<void>;
}

/** The result of an attack. */
export interface AttackReport {
  /** Responses that violate a specification or the platform's documentation. Each one fails the row. */
  readonly findings: readonly string[];
  /** A short summary for the table. */
  readonly note: string;
}

/** An attack on the platform: a small program, bounded in count and time, that needs only a target. */
export interface Attack {
  /** `family/name`. */
  readonly name: string;
  /** The service under attack. Default: product. */
  readonly victim?: ServiceName;
  /** The kinds of target that it applies to. Default: both. */
  readonly kinds?: readonly TargetKind[];
  /** Default: both. */
  readonly auths?: readonly Auth[];
  /** Whether it needs a TLS port. */
  readonly needsTls?: boolean;
  /** Whether it is an overload of valid calls. It then judges itself by goodput, and the good client is not judged. */
  readonly isOverload?: boolean;
  /** The maximum duration at scale 1, in milliseconds. Default: 20,000. The short form uses a quarter of it. */
  readonly timeMaxMs?: number;
  run(target: AttackTarget, options: AttackOptions): Promise<AttackReport>;
}

/** Multiplies a count by the scale, but returns at least `min`. */
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
