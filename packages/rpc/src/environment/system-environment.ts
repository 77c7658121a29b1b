import { Registry } from "prom-client";
import { systemClock } from "./clock.ts";
import type { Environment } from "./environment.ts";
import { createLog, type LogOptions } from "./log/log.ts";
import { newUuidV7 } from "./uuid-v7.ts";

/** The machine's own time and randomness, a log to standard output, and a metrics registry of its own. */
export function systemEnvironment(options: LogOptions): Environment {
  const clock = systemClock;
  const random = () => Math.random();
  return { clock, random, newId: newUuidV7({ clock, random }), log: createLog(options), metrics: new Registry() };
}
