import type { AnyHttp2Connection } from "@parley/http2";
import type { ServerLimits } from "../../config/server-limits.ts";

/** At this multiple of `readBacklogMaxMs` refusals are too slow, and the client gets fewer concurrent streams. */
const hopelessTimes = 20;

/** The divisor of the number of concurrent streams. */
const narrowedBy = 16;

/** How long after its last cause a connection keeps the lower number, in milliseconds. */
const narrowedMs = 1_000;

export interface RefusalPressureOptions {
  readonly limits: Pick<ServerLimits, "streamsPerConnectionMax" | "readBacklogMaxMs">;
  /** Counts a refusal, and returns for how long the connection pauses, in milliseconds. */
  readonly pauseMs: (nowMs: number) => number;
}

/**
 * Slows down one HTTP/2 connection that has too many refused calls: it is read more slowly, and its client gets fewer concurrent streams
 * (SETTINGS_MAX_CONCURRENT_STREAMS), so that the excess waits at the sender.
 */
export class RefusalPressure {
  readonly #connection: AnyHttp2Connection;
  readonly #options: RefusalPressureOptions;
  #narrowed = false;
  #narrowUntilMs = 0;

  constructor(connection: AnyHttp2Connection, options: RefusalPressureOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** A call was refused. `behindMs`: how long it may have waited on its connection. */
  refused(behindMs: number): void {
    const { limits } = this.#options;
    const nowMs = performance.now();
    const pauseMs = this.#options.pauseMs(nowMs);
    if (pauseMs > 0) {
      this.#connection.restReads(pauseMs);
    }
    if (pauseMs > 0 || behindMs > limits.readBacklogMaxMs * hopelessTimes) {
      this.#narrowUntilMs = nowMs + narrowedMs;
      this.#allow(true);
    }
  }

  /** A call was accepted. */
  accepted(): void {
    if (this.#narrowed && performance.now() > this.#narrowUntilMs) {
      this.#allow(false);
    }
  }

  #allow(narrowed: boolean): void {
    if (narrowed !== this.#narrowed) {
      this.#narrowed = narrowed;
      const { streamsPerConnectionMax: most } = this.#options.limits;
      this.#connection.allowStreams(narrowed ? Math.max(1, Math.floor(most / narrowedBy)) : most);
    }
  }
}
