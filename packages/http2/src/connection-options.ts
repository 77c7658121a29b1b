import type { HeaderBlock } from "./hpack/header-decoder.ts";
import type { ReadTurns } from "./read-pace.ts";
import type { Http2Stream } from "./stream.ts";

/** What a connection tells whoever made it. */
export interface ConnectionListener {
  /** The other side began a stream. On a server alone. */
  onStream?(stream: Http2Stream, block: HeaderBlock): void;
  /** The other side has said, or changed, how it wants things. */
  onSettings?(): void;
  /** The other side takes no streams beyond this one. On a client alone. */
  onGoaway?(lastStreamId: number): void;
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
  /** And on all streams together. */
  readonly connectionWindowBytes: number;
  /** The most that the headers of one request or answer may take. */
  readonly headerBytesMax: number;
  /** How many streams the other side may reset in a burst, and in a second in the long run. No limit by default. */
  readonly resets?: { readonly burstMax: number; readonly perSecondMax: number };
  /** How connections share the turns of the event loop. Without it each works on all that it has read before others have their turn. */
  readonly turns?: ReadTurns | undefined;
}
