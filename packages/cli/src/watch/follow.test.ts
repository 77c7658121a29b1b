import { Code, ConnectError } from "@connectrpc/connect";
import { createTestClock } from "@parley/rpc/testing";
import { expect, it } from "vitest";
import { type FollowOptions, follow, type StreamState } from "./follow.ts";

interface Message {
  readonly position: string;
}

type Opening = (signal: AbortSignal) => AsyncIterable<Message>;

/** Runs a stream with the scripted `openings`, one after the other; the last is repeated. */
function followed(...steps: (Opening | Pick<FollowOptions<Message>, "recover">)[]) {
  const openings = steps.filter((step) => typeof step === "function");
  const options = steps.find((step) => typeof step === "object");
  const clock = createTestClock();
  const left = new AbortController();
  const after: string[] = [];
  const messages: string[] = [];
  const states: StreamState["kind"][] = [];
  const open: FollowOptions<Message>["open"] = (position, { signal }) => {
    const opening = openings[Math.min(after.length, openings.length - 1)] ?? expect.fail();
    after.push(position);
    return opening(signal);
  };
  const ended = follow<Message>({
    open,
    clock,
    signal: left.signal,
    ...options,
    onMessage: ({ position }) => messages.push(position),
    onState: ({ kind }) => states.push(kind),
  });
  return { clock, left, after, messages, states, ended };
}

async function* messagesAt(...positions: string[]) {
  for (const position of positions) {
    yield { position };
  }
}
const failing = (code: Code, ...positions: string[]) =>
  async function* () {
    yield* messagesAt(...positions);
    throw new ConnectError("gone", code);
  };
async function* staysOpen(signal: AbortSignal): AsyncGenerator<Message> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  signal.throwIfAborted();
}

it("resumes after the last received position, wherever the stream broke", async () => {
  const run = followed(failing(Code.Unavailable, "1", "2"), failing(Code.Internal), () => messagesAt("3"), staysOpen);
  await run.clock.advance(10_000);
  expect(run.messages).toEqual(["1", "2", "3"]);
  expect(run.after).toEqual(["", "2", "2", "3"]);
  expect(run.states.at(-1)).toBe("watching");
  run.left.abort();
  await run.ended;
});

it("resumes after a renewal, and fails without one", async () => {
  const recovered = [true, false];
  const run = followed(failing(Code.Unauthenticated, "1"), { recover: async () => recovered.shift() ?? expect.fail() });
  await run.clock.advance(1_000);
  await run.ended;
  expect(run.after).toEqual(["", "1"]);
  expect(run.states.at(-1)).toBe("failed");
});

it("backs off up to five seconds", async () => {
  const run = followed(failing(Code.Unavailable));
  await run.clock.advance(60_000);
  // 0.25, 0.5, 1, 2, 4 and then every 5 s.
  expect(run.after.length).toBeGreaterThan(12);
  expect(run.after.length).toBeLessThan(20);
  run.left.abort();
  await run.ended;
});

it("reports a gap if a position is too old, and continues from now", async () => {
  const run = followed(failing(Code.Unavailable, "1"), failing(Code.OutOfRange), staysOpen);
  await run.clock.advance(2_000);
  expect(run.after).toEqual(["", "1", ""]);
  expect(run.states).toContain("gap");
  run.left.abort();
  await run.ended;
});

it.each([Code.Unauthenticated, Code.PermissionDenied, Code.InvalidArgument, Code.Unimplemented])(
  "fails without a retry for a permanent error (code %s)",
  async (code) => {
    const run = followed(failing(code));
    await run.ended;
    expect(run.after).toHaveLength(1);
    expect(run.states.at(-1)).toBe("failed");
  },
);

it("ends at once when aborted, also while it waits", async () => {
  const run = followed(failing(Code.Unavailable));
  await run.clock.advance(1);
  run.left.abort();
  await run.ended;
  expect(run.after).toHaveLength(1);
});
