import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Clock } from "../../environment/clock.ts";
import type { TlsSource } from "../../environment/connections/tls-files.ts";
import type { ChannelOptions } from "./channel.ts";
import type { Target } from "./resolution/target.ts";

/** The parts of a channel. */
export interface ChannelParts {
  readonly target: Target;
  readonly clock: Clock;
  readonly random: () => number;
  readonly options: ChannelOptions;
  readonly tls: TlsSource | undefined;
  readonly log: Logger | undefined;
  readonly metrics: Registry | undefined;
}

/** The default of the longest time between two resolutions of a name, in milliseconds. */
export const resolveIntervalMsDefault = 10_000;
