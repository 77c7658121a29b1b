import { expect, test } from "vitest";
import { createTurnstile, TurnstileFullError } from "./turnstile.ts";

test("lets as many in at once as it should, in the order in which they came", async () => {
  const turnstile = createTurnstile({ atOnce: 2, waitingMax: 10 });
  let inside = 0;
  let most = 0;
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      turnstile.pass(async () => {
        order.push(i);
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
      }),
    ),
  );
  expect(most).toBe(2);
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("turns away who finds the line full, and a failure makes room", async () => {
  const turnstile = createTurnstile({ atOnce: 1, waitingMax: 1 });
  const fails = turnstile.pass(async () => {
    throw new Error("failed");
  });
  const waits = turnstile.pass(async () => "done");
  await expect(turnstile.pass(async () => "never")).rejects.toThrow(TurnstileFullError);
  await expect(fails).rejects.toThrow("failed");
  expect(await waits).toBe("done");
});

test("who gives up leaves the line", async () => {
  const turnstile = createTurnstile({ atOnce: 1, waitingMax: 1 });
  let open = () => {};
  const first = turnstile.pass(() => new Promise<void>((resolve) => (open = resolve)));
  const impatient = new AbortController();
  const second = turnstile.pass(async () => "never", impatient.signal);
  impatient.abort(new Error("gave up"));
  await expect(second).rejects.toThrow("gave up");
  const third = turnstile.pass(async () => "done");
  open();
  await first;
  expect(await third).toBe("done");
});
