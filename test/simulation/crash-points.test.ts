import { describe, expect, it } from "vitest";
import { type FailedJob, runMany } from "./command/run-many.ts";
import { mailAtHandSeed, visitWithCrashes } from "./crash-points.ts";

/**
 * The second crash comes at most this many points after the first, which covers restart and recovery.
 * `npm run simulate -- --crash-points` runs all pairs, about nine thousand.
 */
const recoveryPoints = 10;

describe("a process that crashes", () => {
  it("loses and duplicates nothing at any point, and at any point of its recovery", {
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
    const done = await runMany(
      { kind: "crash-points", variant: { bug: 0, replicas: false }, jobs },
      { workers: 2, onFailure },
    );
    expect(failures.map(({ job, violations }) => ({ job, violations }))).toEqual([]);
    expect(done).toBe(jobs.length);
  });

  it("loses and duplicates nothing at any point if mail is sent inside the transaction", {
    timeout: 120_000,
  }, async () => {
    const options = { seed: mailAtHandSeed };
    const { points } = await visitWithCrashes([], options);
    // The mail is sent before the transaction that records it is committed.
    expect(points.join()).toContain("notification send,notification commit,notification committed");
    for (const index of points.keys()) {
      const { violations } = await visitWithCrashes([index + 1], options);
      expect({ point: index + 1, violations }).toEqual({ point: index + 1, violations: [] });
    }
  });

  it("passes a point before and after each commit, before each call, publication and message, and before each response", async () => {
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
