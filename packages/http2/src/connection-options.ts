import type { AnyHttp2Stream } from "./any-connection.ts";
import type { HeaderBlock } from "./hpack/header-decoder.ts";
import type { PeerLimit, Rate } from "./peer-work.ts";
import type { ReadTurns } from "./read-pace.ts";

/** What a connection tells whoever made it. */
export interface ConnectionListener {
  /** The other side began a stream. On a server alone. */
  onStream?(stream: AnyHttp2Stream, block: HeaderBlock): void;
  /** The other side has said, or changed, how it wants things. */
  onSettings?(): void;
  /** The other side takes no streams beyond this one. On a client alone. */
  onGoaway?(lastStreamId: number): void;
  /**
   * More, or less, waits to be sent than before: `bytes` on the whole connection. `stream` is where its own data has changed; it may be reset.
   * Small changes are told late.
   */
  onUnsent?(bytes: number, stream?: AnyHttp2Stream): void;
  /** So many bytes of what came in on a stream are held until more has come: see {@link Http2Stream.holdBytes}. */
  onHeld?(stream: AnyHttp2Stream, bytes: number): void;
  /** The peer reached a limit, for which the connection ends now. */
  onLimit?(limit: PeerLimit): void;
  /** It is over, and all its streams have been told. */
  onClose?(): void;
}

export interface ConnectionOptions {
  readonly role: "client" | "server";
  readonly listener: ConnectionListener;
  /** How many streams the other side may have open at once. None by default. */
  readonly streamsMax?: number;
  /** What the other side may send on a stream before we have taken it. */
  readonly streamWindowBytes: number;
  /** The same for what comes first on a stream, before any of it was taken. As `streamWindowBytes` by default. */
  readonly firstWindowBytes?: number;
  /** And on all streams together. */
  readonly connectionWindowBytes: number;
  /** The most that the headers of one request or answer may take. */
  readonly headerBytesMax: number;
  /**
   * How many calls the other side may reset before they are answered, or cause to be reset, in a burst, and in a second in the long run. Each call
   * that was answered allows one more. No limit by default.
   */
  readonly resets?: Rate;
  /** How many frames that serve no call the other side may send. Calls and data allow more. 10,000, and 1,000 a second by default. */
  readonly overhead?: Rate;
  /** How connections share the turns of the event loop. Without it each works on all that it has read before others have their turn. */
  readonly turns?: ReadTurns | undefined;
}
