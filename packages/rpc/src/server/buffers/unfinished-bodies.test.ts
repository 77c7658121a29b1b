import { Code, type ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { reasonOf } from "../../call/reason-error.ts";
import { type ConnectionBodies, UnfinishedBodies, type UnfinishedBody } from "./unfinished-bodies.ts";

const limits = {
  requestBytesMax: 0,
  shedRetryAfterMs: 500,
  bufferedRequestBytesMax: 400_000,
  bufferedRequestBytesPerConnectionMax: 200_000,
};

/** Frees its bytes when it is evicted, as the body of an exchange does. */
class Body implements UnfinishedBody {
  bytes = 0;
  waits = false;
  refused = false;
  reason: ConnectError | undefined;
  readonly #connection: ConnectionBodies;

  constructor(connection: ConnectionBodies) {
    this.#connection = connection;
  }

  grow(bytes: number): void {
    if (!this.refused) {
      this.bytes += bytes;
      this.#connection.hold(this, this.bytes);
    }
  }

  end(): void {
    this.bytes = 0;
    this.#connection.hold(this, 0);
  }

  evict(reason: () => ConnectError): void {
    this.refused = true;
    this.reason = reason();
    this.end();
  }

  wait(waits: boolean): void {
    this.waits = waits;
  }
}

describe("the incomplete request bodies of a connection", () => {
  it("are paused while older bodies fill half of the budget, and resume once there is room", () => {
    const connection = new UnfinishedBodies(limits, { metrics: new Registry() }).connection();
    const bodies = Array.from({ length: 10 }, () => new Body(connection));
    for (const body of bodies) {
      body.grow(15_000);
    }
    expect(bodies.map(({ waits }) => waits)).toEqual([...new Array(6).fill(false), ...new Array(4).fill(true)]);
    bodies[0]?.end();
    bodies[1]?.end();
    bodies[2]?.end();
    bodies[3]?.end();
    expect(bodies.filter(({ waits, refused }) => waits || refused)).toEqual([]);
  });

  it("are never paused if they are among the oldest, so that all complete in turn", () => {
    const connection = new UnfinishedBodies(limits, { metrics: new Registry() }).connection();
    const bodies = Array.from({ length: 12 }, () => new Body(connection));
    for (const body of bodies) {
      body.grow(9_500);
    }
    let whole = 0;
    while (whole < bodies.length) {
      const going = bodies.filter(({ waits, bytes }) => !waits && bytes > 0);
      expect(going.length).toBeGreaterThan(0);
      const [next] = going;
      next?.grow(9_500);
      next?.end();
      whole++;
    }
    expect(bodies.filter(({ refused }) => refused)).toEqual([]);
  });

  it("are refused with the limit, its setting, and a retry delay", () => {
    const all = new UnfinishedBodies(limits, { metrics: new Registry() });
    const one = new Body(all.connection());
    one.grow(200_001);
    expect(one.reason).toMatchObject({
      code: Code.ResourceExhausted,
      rawMessage:
        "Too many bytes of unfinished requests are buffered (BUFFERED_REQUEST_BYTES_PER_CONNECTION_MAX=200000). Finish or cancel some, and try again in 500 ms.",
    });
    const bodies = Array.from({ length: 3 }, () => new Body(all.connection()));
    for (const body of bodies) {
      body.grow(150_000);
    }
    expect(bodies.map(({ reason }) => reason && reasonOf(reason))).toEqual([
      { reason: "OVERLOADED", metadata: { limit: "BUFFERED_REQUEST_BYTES_MAX", max: "400000" } },
      undefined,
      undefined,
    ]);
  });

  it("never exceed the budgets, and are never all paused", () => {
    const step = fc.record({ connection: fc.nat(4), body: fc.nat(20), bytes: fc.nat(40_000), ends: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const metrics = new Registry();
        const all = new UnfinishedBodies(limits, { metrics });
        const connections = Array.from({ length: 5 }, () => {
          const connection = all.connection();
          return Array.from({ length: 21 }, () => new Body(connection));
        });
        for (const { connection, body: index, bytes, ends } of steps) {
          const bodies = connections[connection] as Body[];
          const body = bodies[index] as Body;
          if (ends) {
            body.end();
          } else if (!body.waits) {
            body.grow(bytes);
          }
          const held = bodies.reduce((sum, each) => sum + each.bytes, 0);
          expect(held).toBeLessThanOrEqual(limits.bufferedRequestBytesPerConnectionMax);
          if (held > 0) {
            expect(bodies.some((each) => each.bytes > 0 && !each.waits)).toBe(true);
          }
        }
        const held = connections.flat().reduce((sum, { bytes }) => sum + bytes, 0);
        expect(held).toBeLessThanOrEqual(limits.bufferedRequestBytesMax);
      }),
    );
  });
});
