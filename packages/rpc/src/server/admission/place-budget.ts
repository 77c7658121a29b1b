/** How many places there are, and how many of them one holder may have. */
export interface PlaceBudgetOptions {
  readonly placesMax: number;
  /** How many percent of all places one connection, or one caller, may hold while no other holds any. 100 for all of them. */
  readonly sharePercent: number;
}

/** A holder of places: a connection or a caller. Its creator keeps it; the budget changes it. */
export interface PlaceHolder {
  taken: number;
}

/** Who asks for a place. What is undefined is not held to a share. */
export interface PlaceHolders {
  readonly connection: PlaceHolder | undefined;
  readonly caller: PlaceHolder | undefined;
}

/** Why no place is given: none is free, or the holder has its share. */
export type PlaceRefusal = "full" | "connection-share" | "caller-share";

/**
 * Places for calls, shared by dynamic thresholds (Choudhury and Hahne, 1998): a holder may have a fixed multiple of what is free at the
 * moment. One holder alone gets most of the places; the more others there are, the less each may have; and something is always left for
 * one that comes new. Costs a comparison and two counts a call.
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

  /** Why there is no place for them; undefined if there is one. */
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
    // Many people may share one address: a connection that holds next to nothing is not made to suffer for the others, while there is room.
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

/** What a connection may hold of an address that has its share: enough for a person's page or a program's few streams. */
const firstPlaces = 4;

/** The part of all places that is never given to an address that has its share. */
const reserveShare = 1 / 16;
