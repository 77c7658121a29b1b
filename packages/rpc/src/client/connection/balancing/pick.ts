/** An address as a policy sees it. */
export interface Pickable {
  /** Its open calls. */
  readonly openCount: number;
  /** Its share of calls, from 0 to 1: less than 1 during slow start. */
  readonly weight: number;
}

/** Picks the address for the next call. Undefined if there is none. */
export type Pick<T extends Pickable> = (addresses: readonly T[]) => T | undefined;

/** gRPC's `round_robin`: one after another, starting anywhere, so that many clients do not all start with the same. */
export function roundRobin<T extends Pickable>(random: () => number): Pick<T> {
  let next = Math.floor(random() * 65_536);
  return (addresses) => {
    let address: T | undefined;
    for (let passed = 0; passed < addresses.length; passed++) {
      address = addresses[next % addresses.length];
      next = (next + 1) % Number.MAX_SAFE_INTEGER;
      if (address !== undefined && (address.weight >= 1 || random() < address.weight / greatestWeight(addresses))) {
        return address;
      }
    }
    return address;
  };
}

/**
 * `least_request` with two choices (gRPC's proposal A48): of two random addresses, the one with fewer open calls. A slow server gets as many calls as
 * it can handle, without measurements.
 */
export function leastRequest<T extends Pickable>(random: () => number): Pick<T> {
  return (addresses) => {
    const { length } = addresses;
    if (length < 2) {
      return addresses[0];
    }
    const index = Math.floor(random() * length);
    const shifted = Math.floor(random() * (length - 1));
    const one = addresses[index] as T;
    const other = addresses[shifted >= index ? shifted + 1 : shifted] as T;
    if (one.weight !== other.weight) {
      return one.weight < other.weight ? lessLoaded(one, other, random) : lessLoaded(other, one, random);
    }
    return other.openCount < one.openCount ? other : one;
  };
}

/**
 * Between a new address and one with a larger share. Usually each call of the new one counts as several, and sometimes as one, so that it
 * gets calls even when neither has open calls. Load still matters: the other one may have stalled.
 */
function lessLoaded<T extends Pickable>(fresh: T, other: T, random: () => number): T {
  const share = fresh.weight / other.weight;
  const load = random() < share ? fresh.openCount : (fresh.openCount + 1) / share - 1;
  return load < other.openCount || (load === other.openCount && random() < 0.5) ? fresh : other;
}

/** Weights are relative: if all addresses are new, none has to wait for the others. */
function greatestWeight(addresses: readonly Pickable[]): number {
  return addresses.reduce((greatest, { weight }) => Math.max(greatest, weight), 0);
}
