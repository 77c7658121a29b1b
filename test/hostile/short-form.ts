import type { Auth, TargetKind } from "./attack.ts";

/** An attack of the short form, and its target. */
export interface ShortRow {
  readonly attack: string;
  readonly kind: TargetKind;
  readonly auth: Auth;
}

/**
 * The rows that `npm test` runs: at least one of each family, spread over both targets and both settings of AUTH.
 * `npm run test:hostile` runs all attacks on all targets. `connections/churn` is excluded: how long a new connection waits in
 * the kernel's queue depends on other load on the machine.
 */
export const shortForm: readonly ShortRow[] = [
  ...[
    "http2-framing/cases",
    "http2-floods/provoked-window-overflow",
    "http2-floods/dribble-connection",
    "http2-floods/hpack-bomb",
    "metrics/pipelined-metrics",
    "decode-bombs/json-empty-elements",
    "stream-bombs/one-byte-frames",
    "places/zero-timeout",
    "places/untaken-answers-1",
    "connections/silent",
  ].map((attack) => ({ attack, kind: "service", auth: "off" }) as const),
  ...[
    "http2-floods/window-changes-2730",
    "metrics/open",
    "decode-bombs/valid-elements",
    "stream-bombs/ready-messages",
    "places/1000-watch-stock",
    "places/pipelined-health",
    "connections/half-head",
  ].map((attack) => ({ attack, kind: "gateway", auth: "required" }) as const),
];

/** The malicious servers of the short form. */
export const shortFormOfClient: readonly string[] = [
  "malicious-server/many-elements",
  "malicious-server/one-byte-pieces",
  "malicious-server/hpack-bomb",
];

/** The scale of the short form. */
export const shortScale = 0.04;
export const shortSeed = 12;
