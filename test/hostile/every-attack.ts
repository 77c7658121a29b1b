import type { Attack } from "./attack.ts";
import { connections } from "./attacks/connections.ts";
import { decodeBombs } from "./attacks/decode-bombs.ts";
import { http2Floods } from "./attacks/http2-floods.ts";
import { http2Framing } from "./attacks/http2-framing.ts";
import { metrics } from "./attacks/metrics.ts";
import { mixturesOf } from "./attacks/mixture.ts";
import { overloads } from "./attacks/overload.ts";
import { places } from "./attacks/places.ts";
import { signIn } from "./attacks/sign-in.ts";
import { streamBombs } from "./attacks/stream-bombs.ts";

const families: readonly Attack[] = [
  ...http2Framing,
  ...http2Floods,
  ...metrics,
  ...signIn,
  ...decodeBombs,
  ...streamBombs,
  ...places,
  ...connections,
];

/** All attacks on servers. */
export const everyAttack: readonly Attack[] = [...families, ...mixturesOf(families), ...overloads];
