// The gateway over REST while a service behind it hangs, stops and restarts: real processes.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../processes/eventually.ts";
import type { Program } from "../processes/program.ts";
import { serviceProgram } from "../processes/service-program.ts";

/** The contract's deadline of GetUser. */
const deadlineMs = 1_000;
/** More than the gateway's own response takes on a busy machine, and less than the deadline. */
const atOnceMs = 700;
/** A little more than the consecutive failures that open the circuit breaker. */
const failuresMax = 8;

let folder: string;
let user: Program;
let product: Program;
let gateway: Program;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-gateway-"));
  const service = (name: string, settings = {}) =>
    serviceProgram({
      name,
      main: `packages/${name}/src/main.ts`,
      databasePath: join(folder, `${name}.db`),
      settings: { SAMPLE_DATA: "on", ...settings },
    });
  [user, product] = await Promise.all([service("user"), service("product")]);
  gateway = await service("gateway", { USER_SERVICE_URL: user.url, PRODUCT_SERVICE_URL: product.url });
  await Promise.all([user.start(), product.start(), gateway.start()]);
}, 90_000);

afterAll(async () => {
  await Promise.all([gateway, product, user].map((each) => each?.kill()));
  await rm(folder, { recursive: true, force: true });
});

interface Seen {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly text: string;
  readonly tookMs: number;
}

async function see(path: string): Promise<Seen> {
  const startMs = performance.now();
  const answer = await fetch(`${gateway.url}${path}`);
  const text = await answer.text();
  const retryAfter = answer.headers.get("retry-after");
  return { status: answer.status, retryAfter, text, tookMs: performance.now() - startMs };
}

function expectUnavailable({ status, retryAfter, text }: Seen): void {
  expect(status, text).toBe(503);
  expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
  expect(text).toContain("user.v1.UserService");
  // No internal addresses or paths.
  expect(text).not.toMatch(/127\.0\.0\.1|ECONN|\.ts/);
}

async function untilUsersAnswer(): Promise<void> {
  const seen = await eventually(
    () => see("/users/1"),
    ({ status }) => status === 200,
  );
  expect(seen.status).toBe(200);
}

describe("the gateway", () => {
  it("returns 504 within the deadline for a service that hangs, then 503 at once, and recovers by itself", async () => {
    await untilUsersAnswer();
    user.signal("SIGSTOP");
    try {
      const first = await see("/users/1");
      expect(first.status, first.text).toBe(504);
      expect(first.text).toContain('"status":"DEADLINE_EXCEEDED"');
      expect(first.tookMs).toBeGreaterThan(deadlineMs - 100);
      expect(first.tookMs).toBeLessThan(deadlineMs + 2_000);

      const stalled = await Promise.all(Array.from({ length: failuresMax }, () => see("/users/1")));
      for (const each of stalled) {
        expect([503, 504]).toContain(each.status);
        expect(each.tookMs).toBeLessThan(deadlineMs + 2_000);
      }
      const then = await see("/users/1");
      expectUnavailable(then);
      expect(then.tookMs).toBeLessThan(atOnceMs);
      expect((await see("/products/101")).status).toBe(200);
    } finally {
      user.signal("SIGCONT");
    }
    await untilUsersAnswer();
  });

  it("returns 503 with Retry-After while a service is down, at once when that is known, and recovers by itself", async () => {
    user.signal("SIGKILL");
    await user.ended();
    for (let count = 0; count < failuresMax; count++) {
      const seen = await see("/users/1");
      expectUnavailable(seen);
      expect(seen.tookMs).toBeLessThan(deadlineMs + 2_000);
    }
    const then = await see("/users/1");
    expectUnavailable(then);
    expect(then.tookMs).toBeLessThan(atOnceMs);
    expect((await see("/products/101")).status).toBe(200);
    expect((await see("/health")).text).toContain('"user":"UNREACHABLE"');

    await user.start();
    await untilUsersAnswer();
  });
}, 60_000);
