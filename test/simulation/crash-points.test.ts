import { describe, expect, it } from "vitest";
import { type FailedJob, runMany } from "./command/run-many.ts";
import { mailAtHandSeed, visitWithCrashes } from "./crash-points.ts";

/**
 * How far after the first crash the second one comes at most, in points: what it takes to start again and to mend. All pairs,
 * some nine thousand, are run by `npm run simulate -- --crash-points`.
 */
const recoveryPoints = 10;

describe("a process that ends", () => {
  it("at any point, and again at any point while it recovers, loses and doubles nothing", {
    timeout: 300_000,
  }, async () => {
    const { points } = await visitWithCrashes([]);
    const jobs: number[][] = [];
    for (let first = 1; first <= points.length; first++) {
      jobs.push([first]);
      for (let after = 1; after <= recoveryPoints; after++) jobs.push([first, first + after]);
    }
    const failures: FailedJob[] = [];
    const onFailure = (failure: FailedJob) => failures.push(failure) >= 5;
    const done = await runMany({ kind: "crash-points", bug: 0, jobs }, { workers: 2, onFailure });
    expect(failures.map(({ job, violations }) => ({ job, violations }))).toEqual([]);
    expect(done).toBe(jobs.length);
  });

  it("at any point loses and doubles nothing where mail is sent as it is written down", {
    timeout: 120_000,
  }, async () => {
    const options = { seed: mailAtHandSeed };
    const { points } = await visitWithCrashes([], options);
    // Sent before the transaction that writes it down is committed.
    expect(points.join()).toContain("notification send,notification commit,notification committed");
    for (const index of points.keys()) {
      const { violations } = await visitWithCrashes([index + 1], options);
      expect({ point: index + 1, violations }).toEqual({ point: index + 1, violations: [] });
    }
  });

  it("passes a point before and after each commit, before each call, publication and message, and before each answer", async () => {
    const { points, violations } = await visitWithCrashes([]);
    expect(violations).toEqual([]);
    for (const point of [
      "order commit",
      "order committed",
      "order call ValidateUser",
      "user answer ValidateUser",
      "order call ReserveStock",
      "product commit",
      "product committed",
      "product answer ReserveStock",
      "order call ReleaseStock",
      "product answer ReleaseStock",
      "order call BatchValidateUsers",
      "user answer BatchValidateUsers",
      "order call BatchReserveStock",
      "product answer BatchReserveStock",
      "order answer CreateOrder",
      "order answer CancelOrder",
      "product answer UpdateStock",
      "order call Deliver",
      "product call Deliver",
      "notification commit",
      "notification committed",
      "notification answer Deliver",
      "notification send",
    ]) {
      expect(points).toContain(point);
    }
  });
});
