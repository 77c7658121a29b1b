import type { AnyHttp2Stream } from "./any-connection.ts";
import type { HeaderBlock } from "./hpack/header-decoder.ts";
import type { PeerLimit, Rate } from "./peer-work.ts";
import type { ReadTurns, TurnGroup } from "./reads/read-turns.ts";

/** The events of a connection. */
export interface ConnectionListener {
  /** The peer opened a stream. On a server only. */
  onStream?(stream: AnyHttp2Stream, block: HeaderBlock): void;
  /** The peer's SETTINGS arrived. */
  onSettings?(): void;
  /** The peer processes no streams above this id (GOAWAY). On a client only. */
  onGoaway?(lastStreamId: number): void;
  /**
   * The unsent bytes changed: `bytes` on the whole connection. `stream` is set if its own data changed; it may be reset.
   * Small changes are reported late.
   */
  onUnsent?(bytes: number, stream?: AnyHttp2Stream): void;
  /** This many received bytes of a stream are held until more arrive: see {@link Http2Stream.holdBytes}. */
  onHeld?(stream: AnyHttp2Stream, bytes: number): void;
  /** The peer exceeded a limit, and the connection ends. */
  onLimit?(limit: PeerLimit): void;
  /** The connection has ended, and so have all its streams. */
  onClose?(): void;
}

export interface ConnectionOptions {
  readonly role: "client" | "server";
  readonly listener: ConnectionListener;
  /** The streams that the peer may have open at once. None by default. */
  readonly streamsMax?: number;
  /** The receive window of a stream. */
  readonly streamWindowBytes: number;
  /** The receive window of a stream until the application has read from it. As `streamWindowBytes` by default. */
  readonly firstWindowBytes?: number;
  /** The receive window of the connection. */
  readonly connectionWindowBytes: number;
  /** The most that the headers of one request or response may take. */
  readonly headerBytesMax: number;
  /**
   * How many unanswered calls the peer may reset, or cause to be reset, in a burst, and per second in the long run. Each answered
   * call allows one more. No limit by default.
   */
  readonly resets?: Rate;
  /** How many frames without a call's data the peer may send. Calls and data allow more. 10,000, and 1,000 a second by default. */
  readonly overhead?: Rate;
  /** Shares event-loop turns between connections. Without it each connection handles all that it has read before others get a turn. */
  readonly turns?: ReadTurns | undefined;
  /** The connections of one group share one part of the turns. Default: a group of its own. */
  readonly turnGroup?: TurnGroup;
}
