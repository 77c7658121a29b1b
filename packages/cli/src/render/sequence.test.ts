import picocolors from "picocolors";
import { expect, it } from "vitest";
import { sequenceLines } from "./sequence.ts";
import { type SequenceCall, sequenceSteps } from "./sequence-steps.ts";

const colors = picocolors.createColors(false);
const call = (from: string, to: string, rest: Partial<SequenceCall>): SequenceCall => ({
  from,
  to,
  service: "x.v1.X",
  method: "Do",
  startMs: 0,
  durationMs: 1,
  code: "OK",
  ...rest,
});

const order = [
  call("you", "order", { method: "CreateOrder", durationMs: 9.5 }),
  call("order", "user", { method: "ValidateUser", startMs: 2, durationMs: 1 }),
  call("order", "product", { method: "ReserveStock", startMs: 4, durationMs: 3, code: "FAILED_PRECONDITION" }),
  call("order", "you", { method: "Tell", startMs: 12, durationMs: 250 }),
];

it("draws each call and its answer, in order", () => {
  expect(sequenceLines(order, { colors })).toEqual([
    "         you            order           user           product",
    "          │               │               │               │",
    "  0.0 ms  ├ CreateOrder ─▶│               │               │",
    "  2.0 ms  │               ├ ValidateUser ▶│               │",
    "  3.0 ms  │               │◀╌ OK 1.0 ms ╌╌┤               │",
    "  4.0 ms  │               ├──────── ReserveStock ────────▶│",
    "  7.0 ms  │               │◀╌ FAILED_PRECONDITION 3.0 ms ╌┤",
    "  9.5 ms  │◀╌ OK 9.5 ms ╌╌┤               │               │",
    " 12.0 ms  │◀──── Tell ────┤               │               │",
    "  262 ms  ├╌ OK 250 ms ╌╌▶│               │               │",
    "          │               │               │               │",
  ]);
});

it("draws the given number of steps", () => {
  expect(sequenceLines(order, { colors, stepsMax: 2 })).toHaveLength(5);
  expect(sequenceSteps(order)).toHaveLength(8);
});

it("draws nothing without calls", () => {
  expect(sequenceSteps([])).toEqual([]);
});

it("truncates an answer's code that does not fit on its arrow", () => {
  const lines = sequenceLines([call("a", "b", { code: "FAILED_PRECONDITION" })], { colors });
  expect(lines[3]).toMatch(/◀ FAILED_\S*… ┤/);
});

const throughGateway = [
  call("you", "gateway", { method: "CreateOrder", durationMs: 9 }),
  call("gateway", "order", { method: "CreateOrder", startMs: 1, durationMs: 7.5 }),
  call("order", "user", { method: "ValidateUser", startMs: 2, durationMs: 1 }),
  call("order", "product", { method: "ReserveStock", startMs: 4, durationMs: 3 }),
  call("order", "notification", { method: "Deliver", startMs: 12, durationMs: 250 }),
];

it.each([200, 100, 90, 80, 79, 70, 60, 40])("fits into %i columns, with every party and method whole", (widthMax) => {
  const lines = sequenceLines(throughGateway, { colors, widthMax });
  expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(widthMax);
  const text = lines.join("\n");
  for (const word of ["you", "gateway", "order", "user", "product", "notification"]) {
    expect(text).toContain(word);
  }
  for (const { method } of throughGateway) {
    expect(text).toContain(method);
  }
});

it("draws lifelines in 80 columns, and lists the steps in 60", () => {
  expect(sequenceLines(throughGateway, { colors, widthMax: 80 })[1]).toMatch(/^ +│ +│ +│ +│ +│ +│$/);
  expect(sequenceLines(throughGateway, { colors, widthMax: 60 }).slice(0, 4)).toEqual([
    "  0.0 ms  you → gateway  CreateOrder",
    "  1.0 ms    gateway → order  CreateOrder",
    "  2.0 ms      order → user  ValidateUser",
    "  3.0 ms      order ← user  OK 1.0 ms",
  ]);
});
