import type { Randomness } from "./randomness.ts";

/** How badly the world treats the services: probabilities, each for one message, transaction or moment. */
export interface Faults {
  /** A message is lost, and its caller learns that the connection broke. */
  readonly lost: number;
  /** A message is lost, and its caller learns nothing until a deadline passes. */
  readonly silent: number;
  /** A request arrives a second time, later. */
  readonly repeated: number;
  /** A message takes up to {@link slowMsMax}, which is longer than any caller waits. */
  readonly slow: number;
  /** A host that is down says nothing: that it cannot be reached is known late. */
  readonly lateRefusal: number;
  /** A transaction is refused because the disk is full just then. */
  readonly storeFailure: number;
  /** A transaction is the last before its disk fails: it took effect, and its caller is not answered. */
  readonly diskFailure: number;
  /** A message to a buyer is not taken by the mail server. */
  readonly channelFailure: number;
  /** The mail server cannot be reached as a message is handed over. */
  readonly mailAway: number;
  /** The mail server takes most of a minute over a message. */
  readonly slowMail: number;
  /** How long a transaction waits for its turn at most, in milliseconds. */
  readonly diskMsMax: number;
  /** How long a turn of a process's event loop takes at most, in milliseconds. */
  readonly turnMsMax: number;
  /** A process ends at a numbered point: before or after a commit, a call, an answer. */
  readonly crashAtPoint: number;
  /** A process ends between two points. Rate per simulated second, over all processes. */
  readonly crashesPerSecond: number;
  /** A process that starts is of an earlier release, which knows no batches. */
  readonly earlierRelease: number;
}

/** The longest way of a message, in milliseconds: beyond the deadline of every call. */
export const slowMsMax = 7_000;

/** Nothing goes wrong. */
export const noFaults: Faults = {
  lost: 0,
  silent: 0,
  repeated: 0,
  slow: 0,
  lateRefusal: 0,
  storeFailure: 0,
  diskFailure: 0,
  channelFailure: 0,
  mailAway: 0,
  slowMail: 0,
  diskMsMax: 1,
  turnMsMax: 20,
  crashAtPoint: 0,
  crashesPerSecond: 0,
  earlierRelease: 0,
};

/**
 * Faults of one seed. Some are left out in each, and some come in crowds: bugs that one fault hides from another show that way
 * (swarm testing, Groce and others, ISSTA 2012).
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
    mailAway: level(0.1, 0.8),
    slowMail: level(0.05, 0.3),
  };
}
