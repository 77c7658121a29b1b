export interface PlaceBudgetOptions {
  readonly placesMax: number;
  /** The percentage of all places that one connection, or one caller, may hold while no other holds any. 100: no share limit. */
  readonly sharePercent: number;
}

/** A connection or a caller, with the number of places that it holds. The budget updates it. */
export interface PlaceHolder {
  taken: number;
}

/** The holders that a place is counted for. An undefined one has no share limit. */
export interface PlaceHolders {
  readonly connection: PlaceHolder | undefined;
  readonly caller: PlaceHolder | undefined;
}

/** Why a place is refused: none is free, or the holder has reached its share. */
export type PlaceRefusal = "full" | "connection-share" | "caller-share";

/**
 * A concurrency limit for calls, shared by dynamic thresholds (Choudhury and Hahne, 1998): a holder may have a fixed multiple of the free
 * places. So a single holder gets most places, many holders get few each, and a new holder always finds some. The cost is a comparison and
 * two counters for each call.
 */
export class PlaceBudget {
  readonly placesMax: number;
  readonly #timesFree: number;
  readonly #reserve: number;
  #taken = 0;

  constructor({ placesMax, sharePercent }: PlaceBudgetOptions) {
    this.placesMax = placesMax;
    this.#timesFree = sharePercent >= 100 ? Number.POSITIVE_INFINITY : sharePercent / (100 - sharePercent);
    this.#reserve = Math.floor(placesMax * reserveShare);
  }

  get taken(): number {
    return this.#taken;
  }

  /** Why these holders get no place. Undefined if they get one. */
  refusal({ connection, caller }: PlaceHolders): PlaceRefusal | undefined {
    const free = this.placesMax - this.#taken;
    if (free <= 0) {
      return "full";
    }
    const mayHold = this.#timesFree * free;
    if (connection !== undefined && connection.taken >= mayHold) {
      return "connection-share";
    }
    if (caller === undefined || caller.taken < mayHold) {
      return undefined;
    }
    // Many clients may share one address (NAT). A connection with few places still gets some, as long as more than the reserve is free.
    return connection !== undefined && connection.taken < firstPlaces && free > this.#reserve
      ? undefined
      : "caller-share";
  }

  take({ connection, caller }: PlaceHolders): void {
    this.#taken++;
    if (connection !== undefined) {
      connection.taken++;
    }
    if (caller !== undefined) {
      caller.taken++;
    }
  }

  giveBack({ connection, caller }: PlaceHolders): void {
    this.#taken--;
    if (connection !== undefined) {
      connection.taken--;
    }
    if (caller !== undefined) {
      caller.taken--;
    }
  }
}

/** The places that a connection gets although its address has reached its share: enough for a web page, or for a few streams. */
const firstPlaces = 4;

/** The part of all places that an address beyond its share never gets. */
const reserveShare = 1 / 16;
