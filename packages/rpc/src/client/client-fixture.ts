import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport, type UnaryResponse } from "@connectrpc/connect";
import { pino } from "pino";
import { Registry } from "prom-client";
import { systemClock } from "../environment/clock.ts";
import type { Environment } from "../environment/environment.ts";
import { testedHttp2 } from "../environment/tested-http2-fixture.ts";
import { createTestClock, type TestClock } from "../testing/test-clock.ts";

/** For tests: an environment that records its log lines, with the given clock or the machine's. */
export function testEnvironment<C extends Environment["clock"] = typeof systemClock>({
  clock = systemClock as unknown as C,
  random = () => 0.5,
}: {
  readonly clock?: C;
  readonly random?: () => number;
} = {}): Environment & { readonly clock: C; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => lines.push(JSON.parse(line)) });
  let ids = 0;
  return { clock, random, newId: () => `id-${++ids}`, log, metrics: new Registry(), http2: testedHttp2, lines };
}

/** For tests: an environment under a clock that the test moves. */
export function standingEnvironment(random?: () => number) {
  const clock: TestClock = createTestClock();
  return testEnvironment({ clock, ...(random === undefined ? {} : { random }) });
}

/** One attempt as a scripted transport received it. */
export interface SeenAttempt {
  readonly atMs: number;
  readonly timeoutMs: number | undefined;
  readonly header: Headers;
}

/** For tests: what a scripted transport does with an attempt: answers, throws, or never ends. */
export type Step = "ok" | "never" | ConnectError | { readonly afterMs: number; readonly ends: "ok" | ConnectError };

/** For tests: a transport that follows a script, repeats its last step, and records the attempts. */
export function scriptedTransport(clock: TestClock, steps: readonly Step[]) {
  const seen: SeenAttempt[] = [];
  const transport = {
    unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      _signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: [string, string][] | undefined,
      _input: MessageInitShape<I>,
    ) {
      const step = steps[Math.min(seen.length, steps.length - 1)] ?? "never";
      seen.push({ atMs: clock.monotonic(), timeoutMs, header: new Headers(header) });
      const { promise, resolve, reject } = Promise.withResolvers<UnaryResponse<I, O>>();
      const finish = (end: "ok" | ConnectError) =>
        end === "ok"
          ? resolve({
              stream: false,
              service: method.parent,
              method,
              header: new Headers(),
              trailer: new Headers(),
              message: create(method.output),
            })
          : reject(end);
      if (step instanceof ConnectError || step === "ok") {
        finish(step);
      } else if (step !== "never") {
        clock.after(step.afterMs, () => finish(step.ends));
      }
      return promise;
    },
    stream() {
      return Promise.reject(new ConnectError("no streams here", Code.Unimplemented));
    },
  } as Transport;
  return { transport, seen };
}

/** For tests: a fresh UNAVAILABLE, with metadata if given. */
export function unavailable(metadata?: Record<string, string>): ConnectError {
  return new ConnectError("try later", Code.Unavailable, metadata);
}

/** For tests: the error that a promise is rejected with. Throws if it is not rejected. */
export async function rejection(promise: Promise<unknown>): Promise<ConnectError> {
  try {
    await promise;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the call succeeded");
}
