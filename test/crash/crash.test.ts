// The short form of `npm run test:crash`. That its checks can fail: invariants.test.ts.
import { expect, it } from "vitest";
import { findRedisServer } from "../processes/redis-program.ts";
import { crashRun } from "./crash-run.ts";
import { reportText } from "./report.ts";

const redisServer = findRedisServer();
if (redisServer === undefined)
  console.warn("Left out: crashes with events over Redis, since there is no redis-server.");

const seconds = 6;
/** Starting, breaking, and what the slowest repair may take. */
const timeoutMs = 150_000;

it.each(["direct", "redis"])(
  "keeps every promise while services are killed and stopped, with events over %s",
  async (broker) => {
    if (broker === "redis" && redisServer === undefined) return;
    const seed = Date.now() % 1_000_000;
    const report = await crashRun({
      seconds,
      seed,
      ...(broker === "redis" && redisServer !== undefined ? { redisServer } : {}),
    });
    expect(report.violations, reportText(report)).toEqual([]);
    // Something was tried: what was checked is not nothing.
    expect(report.acknowledged, reportText(report)).toBeGreaterThan(10);
    expect(report.kills + report.stops).toBeGreaterThan(2);
  },
  timeoutMs,
);
