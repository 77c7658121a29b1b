import { expect, it } from "vitest";
import type { Connection } from "../client-connection.ts";
import { StallDetector } from "./stall-detector.ts";

/** A connection as the detector sees it. */
function connection() {
  const pings: (() => void)[] = [];
  const state = { openCount: 1, receivedCount: 0, http2: { ping: (answered: () => void) => pings.push(answered) } };
  return { pings, state, asConnection: state as unknown as Connection };
}

function look(detector: StallDetector, { asConnection }: ReturnType<typeof connection>, times: number, begun = 1) {
  for (let count = 0; count < times; count++) {
    detector.look(asConnection, begun);
  }
}

it("an unresponsive server is sent one PING, and counts as stalled without an acknowledgement", () => {
  const changes: boolean[] = [];
  const detector = new StallDetector(() => changes.push(detector.isStalled));
  const one = connection();
  look(detector, one, 3);
  expect(one.pings.length).toBe(0);
  look(detector, one, 1);
  expect([one.pings.length, detector.isStalled]).toEqual([1, false]);
  look(detector, one, 3);
  expect([one.pings.length, detector.isStalled]).toEqual([1, true]);
  // Its calls have ended at their deadlines: that is no sign of life.
  one.state.openCount = 0;
  look(detector, one, 20);
  expect([one.pings.length, detector.isStalled]).toEqual([1, true]);
  one.pings[0]?.();
  expect([detector.isStalled, changes]).toEqual([false, [true, false]]);
});

it("a byte of the server is a sign of life, and so is another connection", () => {
  const detector = new StallDetector(() => {});
  const one = connection();
  look(detector, one, 7);
  expect(detector.isStalled).toBe(true);
  one.state.receivedCount++;
  look(detector, one, 1);
  expect(detector.isStalled).toBe(false);
  look(detector, one, 7);
  expect(detector.isStalled).toBe(true);
  look(detector, connection(), 1);
  expect(detector.isStalled).toBe(false);
});

it("a long call causes one PING only", () => {
  const detector = new StallDetector(() => {});
  const one = connection();
  look(detector, one, 4);
  one.pings[0]?.();
  look(detector, one, 100);
  expect([one.pings.length, detector.isStalled]).toEqual([1, false]);
  look(detector, one, 10, 2);
  expect(one.pings.length).toBe(2);
});
