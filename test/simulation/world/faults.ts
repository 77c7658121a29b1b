import type { Randomness } from "./randomness.ts";

/** The probabilities of faults, each for one message, transaction or moment. */
export interface Faults {
  /** A message is lost, and its caller sees a broken connection. */
  readonly lost: number;
  /** A message is lost, and its caller sees nothing until the deadline. */
  readonly silent: number;
  /** A request is delivered a second time, later. */
  readonly repeated: number;
  /** A message takes up to {@link slowMsMax}, which is longer than any deadline. */
  readonly slow: number;
  /** A host that is down does not respond: callers learn late that it is unreachable. */
  readonly lateRefusal: number;
  /** A transaction is refused because the disk is full. */
  readonly storeFailure: number;
  /** The disk fails after a transaction: it was committed, and its caller gets no response. */
  readonly diskFailure: number;
  /** The mail server refuses a message. */
  readonly channelFailure: number;
  /** The mail server is unreachable when a message is sent. */
  readonly mailUnreachable: number;
  /** The mail server takes most of a minute to accept a message. */
  readonly slowMail: number;
  /** The longest wait of a transaction before it starts, in milliseconds. */
  readonly diskMsMax: number;
  /** The longest turn of a process's event loop, in milliseconds. */
  readonly turnMsMax: number;
  /** A process crashes at a numbered point: before or after a commit, a call or a response. */
  readonly crashAtPoint: number;
  /** A process crashes between two points. Rate per simulated second, over all processes. */
  readonly crashesPerSecond: number;
  /** A shared database rolls a transaction back for another one. */
  readonly serializationFailure: number;
  /** The connection to a shared database is lost during COMMIT, which half of the time took effect. */
  readonly unknownCommit: number;
  /** The most by which the wall clock of a replica is wrong, in milliseconds. It may be set at any time. */
  readonly clockSkewMsMax: number;
  /** A replica stops for up to {@link pauseMsMax}. Rate per simulated second, over all processes. */
  readonly pausesPerSecond: number;
  /** A process starts as an earlier release without batch methods. */
  readonly earlierRelease: number;
}

/** The longest delay of a message, in milliseconds: beyond the deadline of every call. */
export const slowMsMax = 7_000;

/** The longest pause of a process, in milliseconds: longer than the leases of orders (up to 10 s) and event partitions (5 s). */
export const pauseMsMax = 12_000;

export const noFaults: Faults = {
  lost: 0,
  silent: 0,
  repeated: 0,
  slow: 0,
  lateRefusal: 0,
  storeFailure: 0,
  diskFailure: 0,
  channelFailure: 0,
  mailUnreachable: 0,
  slowMail: 0,
  diskMsMax: 1,
  turnMsMax: 20,
  crashAtPoint: 0,
  crashesPerSecond: 0,
  earlierRelease: 0,
  serializationFailure: 0,
  unknownCommit: 0,
  clockSkewMsMax: 0,
  pausesPerSecond: 0,
};

/**
 * Draws the faults of a seed. Each seed omits some kinds and has others often, which finds bugs that one fault would hide from
 * another (swarm testing, Groce and others, ISSTA 2012).
 */
export function drawFaults(random: Randomness): Faults {
  const level = (low: number, high: number) => random.pick([0, low, low, high]);
  return {
    lost: level(0.02, 0.15),
    silent: level(0.01, 0.08),
    repeated: level(0.05, 0.3),
    slow: level(0.02, 0.1),
    storeFailure: level(0.01, 0.08),
    channelFailure: level(0.1, 0.5),
    diskMsMax: random.pick([1, 5, 20]),
    crashAtPoint: level(0.004, 0.02),
    crashesPerSecond: level(0.1, 0.6),
    earlierRelease: random.pick([0, 0, 0.5]),
    diskFailure: level(0.002, 0.02),
    turnMsMax: random.pick([0, 20, 100]),
    lateRefusal: level(0.2, 0.8),
    mailUnreachable: level(0.1, 0.8),
    slowMail: level(0.05, 0.3),
    serializationFailure: level(0.02, 0.2),
    unknownCommit: level(0.005, 0.03),
    clockSkewMsMax: random.pick([0, 3_000, 2 * 60 * 60_000]),
    pausesPerSecond: level(0.1, 0.4),
  };
}
