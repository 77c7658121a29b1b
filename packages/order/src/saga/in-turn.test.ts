import { describe, expect, it } from "vitest";
import { createInTurn } from "./in-turn.ts";

describe("work in turn", () => {
  it("runs one after another for one id, and concurrently for different ones", async () => {
    const inTurn = createInTurn();
    const gate = Promise.withResolvers<void>();
    const done: string[] = [];
    const first = inTurn.run("a", () => gate.promise.then(() => done.push("a1")));
    const second = inTurn.run("a", async () => done.push("a2"));
    await inTurn.run("b", async () => done.push("b1"));
    expect(done).toEqual(["b1"]);
    gate.resolve();
    await Promise.all([first, second]);
    expect(done).toEqual(["b1", "a1", "a2"]);
  });

  it("continues after failed work, and only the caller of that work gets the error", async () => {
    const inTurn = createInTurn();
    const failed = inTurn.run("a", () => Promise.reject(new Error("no")));
    const next = inTurn.run("a", async () => "yes");
    await expect(failed).rejects.toThrow("no");
    expect(await next).toBe("yes");
  });

  it("reports which ids are busy, and when none is", async () => {
    const inTurn = createInTurn();
    const gate = Promise.withResolvers<void>();
    void inTurn.run("a", () => gate.promise);
    // Started by current work: idle waits for it too.
    void gate.promise.then(() => inTurn.run("b", async () => undefined));
    expect([inTurn.isBusy("a"), inTurn.isBusy("b")]).toEqual([true, false]);
    gate.resolve();
    await inTurn.idle();
    expect([inTurn.isBusy("a"), inTurn.isBusy("b")]).toEqual([false, false]);
  });
});
