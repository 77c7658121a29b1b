import { FloodGate } from "./flood-gate.ts";
import { ConnectionError, errorCode } from "./frames/constants.ts";

/** A limit on something that the peer may cause: in a burst, and per second in the long run. */
export interface Rate {
  readonly burstMax: number;
  readonly perSecondMax: number;
}

/** No limit. */
export const unlimited: Rate = { burstMax: Number.POSITIVE_INFINITY, perSecondMax: Number.POSITIVE_INFINITY };

/** Far more than any client needs besides its calls, and few enough to be answered. */
export const overheadDefault: Rate = { burstMax: 10_000, perSecondMax: 1_000 };

/** The limit for which a connection was closed. */
export type PeerLimit = "stream_resets" | "overhead_frames" | "header_fields" | "header_frames";

/** The peer exceeded a limit: the connection ends with ENHANCE_YOUR_CALM. */
export class PeerLimitError extends ConnectionError {
  readonly limit: PeerLimit;

  constructor(limit: PeerLimit, message: string) {
    super(message, errorCode.enhanceYourCalm);
    this.limit = limit;
  }
}

/**
 * Counts the work that a peer causes besides its calls, and offsets it by its calls and data. A peer that makes
 * calls may send PING, WINDOW_UPDATE and RST_STREAM in proportion to them, as all clients do. One that makes none exhausts both limits.
 */
export class PeerWork {
  /** Nothing is counted: the peer forwards the frames of others, and limits them itself. */
  trusted = false;
  readonly #resets: FloodGate;
  readonly #overhead: FloodGate;

  constructor({ resets, overhead }: { readonly resets: Rate; readonly overhead: Rate }) {
    this.#resets = new FloodGate(resets.burstMax, resets.perSecondMax, resets.burstMax * savedResetBursts);
    this.#overhead = new FloodGate(overhead.burstMax, overhead.perSecondMax);
  }

  /**
   * A call was reset before it was answered: by the peer (CVE-2023-44487), or by this side for an error of the peer
   * (CVE-2025-8671). Throws {@link PeerLimitError}.
   */
  reset(): void {
    if (!this.trusted && !this.#resets.pass()) {
      throw new PeerLimitError(
        "stream_resets",
        "too many streams are reset before they are answered (STREAM_RESETS_PER_SECOND_MAX)",
      );
    }
  }

  /**
   * An answered call was reset. That happens if response and reset cross; with every call, it is a
   * flood like any other. It takes back what the answer earned. Throws {@link PeerLimitError}.
   */
  resetLate(): void {
    this.overhead();
    this.#resets.take(1);
    this.reset();
  }

  /** A SETTINGS frame with this many settings: parsing one costs about a tenth of a frame. Throws {@link PeerLimitError}. */
  settings(count: number): void {
    this.overhead(Math.floor(count / 10));
  }

  /** Work without a call, in units of about the cost of an empty frame. Throws {@link PeerLimitError}. */
  overhead(units = 1): void {
    if (!this.trusted && !this.#overhead.pass(units)) {
      throw new PeerLimitError(
        "overhead_frames",
        "too many frames without a call's data (OVERHEAD_FRAMES_PER_SECOND_MAX)",
      );
    }
  }

  /** A call was answered. */
  answered(): void {
    this.#resets.addCredit(1);
    this.#overhead.addCredit(callUnits);
  }

  /** DATA with content arrived. */
  received(): void {
    this.#overhead.addCredit(receivedUnits);
  }

  /** DATA was sent. `pieces`: the number of the application's pieces that this completed. */
  sent(bytes: number, pieces: number): void {
    this.#overhead.addCredit(pieces * pieceUnits + bytes / bytesPerUnit);
  }
}

/** A long-lived connection, such as a proxy's, may have this many bursts of cancelled calls at once. */
const savedResetBursts = 10;

/** A late RST_STREAM or WINDOW_UPDATE for each call, and a PING. A call costs far more than four such frames. */
const callUnits = 4;
/** grpc-go sends a PING in answer to DATA, and all clients WINDOW_UPDATE on the stream and the connection. */
const pieceUnits = 4;
const receivedUnits = 2;
/** Clients widen a window by KiBs at once. One that does it byte by byte earns almost nothing. */
const bytesPerUnit = 512;
