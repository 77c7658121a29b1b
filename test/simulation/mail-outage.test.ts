import { sleep } from "@parley/rpc";
import { expect, it } from "vitest";
import { runToTheEnd } from "./run-to-the-end.ts";
import { createLedger } from "./workload/ledger.ts";
import { visit } from "./workload/visit.ts";
import { createWorld } from "./world/world.ts";

const hourMs = 60 * 60_000;

// Some of these worlds have a remote mail server, others a local channel.
it.each([1, 2, 3, 4, 5, 6])(
  "loses no mail and sends none twice while the mail server is down for an hour (seed %i)",
  async (seed) => {
    const world = createWorld({ seed });
    const ledger = createLedger();
    world.mail.setUnreachable(true);
    let duringOutage = 0;
    const { violations, history } = await runToTheEnd({
      world,
      ledger,
      badMs: hourMs + 1_000,
      async people() {
        await visit(world, ledger);
        await sleep(world.time, hourMs - world.time.monotonic());
        duringOutage = world.mail.received.size;
        world.mail.setUnreachable(false);
      },
    });
    expect(violations).toEqual([]);
    expect(duringOutage).toBe(0);
    expect(world.mail.received.size).toBeGreaterThan(4);
    expect([...world.mail.received.values()].map((copies) => copies.length)).toEqual(
      [...world.mail.received].map(() => 1),
    );
    // The channel is probed about once a minute, not for each notification.
    const tries = history.filter((line) => line.includes("channel unavailable")).length;
    expect(tries).toBeGreaterThan(30);
    expect(tries).toBeLessThan(120);
  },
);
