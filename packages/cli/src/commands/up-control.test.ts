import { statSync } from "node:fs";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { Code as RpcCode } from "@parley/gen/google/rpc/code_pb.js";
import { ProcessState } from "@parley/gen/stack/v1/stack_service_pb.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type StackClient, withStack } from "../stack/control/stack-client.ts";
import { controlPath, readControl } from "../stack/control/stack-record.ts";
import { FakeStack, isUp } from "../testing/fake-stack.ts";
import { type FakeRun, runFakeParley } from "../testing/run-fake-parley.ts";

let stack: FakeStack;
let run: FakeRun;
let data: string;

beforeAll(async () => {
  stack = await FakeStack.create();
  data = join(stack.folder, "data");
  run = stack.up();
  await run.untilPrinted(isUp);
  await waitFor(async () => (await readControl(data)) !== undefined);
});
afterAll(() => stack.dispose());

async function waitFor(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function control<T>(body: (client: StackClient) => Promise<T>): Promise<T> {
  let answer: T | undefined;
  await withStack(data, async (client) => {
    answer = await body(client);
  });
  return answer as T;
}

async function codeOf(body: (client: StackClient) => Promise<unknown>): Promise<Code | undefined> {
  return control((client) =>
    body(client).then(
      () => undefined,
      (error: unknown) => ConnectError.from(error).code,
    ),
  );
}

const stateOf = async (name: string) =>
  control(async (client) => (await client.listProcesses({})).processes.find((process) => process.name === name));

const faultsOf = async (index: number) =>
  (await (await fetch(`http://127.0.0.1:${stack.ports[index]}/faults`)).json()) as readonly unknown[];

/** A command of another terminal. */
async function parley(...args: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  const command = runFakeParley([...args, "--data", data], { FAKE_PORTS: stack.ports.join(",") });
  const code = await command.exitCode;
  return { code, said: `${command.logged()}${command.said()}` };
}

describe("a running stack is controlled", () => {
  it("only by its own user, with the token of the run", async () => {
    expect(statSync(controlPath(data)).mode & 0o777).toBe(0o600);
    const record = await readControl(data);
    expect(record?.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const call = (authorization: string) =>
      fetch(`${record?.url}/stack.v1.StackService/ListProcesses`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization },
        body: "{}",
      });
    for (const wrong of ["", "Bearer wrong", `Bearer ${record?.token}x`, `${record?.token}`]) {
      const answer = await call(wrong);
      expect([wrong, answer.status]).toEqual([wrong, 401]);
    }
    expect((await call(`Bearer ${record?.token}`)).status).toBe(200);
  });

  it("stops, starts and restarts a process, and refuses what is not possible", async () => {
    expect(await stateOf("user")).toMatchObject({ state: ProcessState.RUNNING, starts: 1, port: stack.ports[0] });
    expect(await codeOf((client) => client.startProcess({ process: "user" }))).toBe(Code.FailedPrecondition);
    const stopped = await control((client) => client.stopProcess({ process: "user" }));
    expect(stopped.process).toMatchObject({ state: ProcessState.ENDED, pid: 0, lastExit: "ended with exit code 0" });
    expect(await stack.listens(0)).toBe(false);
    expect(await codeOf((client) => client.pauseProcess({ process: "user" }))).toBe(Code.FailedPrecondition);
    const started = await control((client) => client.startProcess({ process: "user" }));
    expect(started.process).toMatchObject({ state: ProcessState.RUNNING, starts: 2 });
    expect(await stack.listens(0)).toBe(true);
    const restarted = await control((client) => client.restartProcess({ process: "user" }));
    expect(restarted.process).toMatchObject({ state: ProcessState.RUNNING, starts: 3 });
    expect(restarted.process?.pid).not.toBe(started.process?.pid);
    expect(await codeOf((client) => client.stopProcess({ process: "users" }))).toBe(Code.NotFound);
  });

  it("keeps running when every process was stopped on request", async () => {
    const names = ["user", "product", "order"];
    await control((client) => Promise.all(names.map((process) => client.stopProcess({ process }))));
    expect(run.child.exitCode).toBeNull();
    await control((client) => Promise.all(names.map((process) => client.startProcess({ process }))));
    expect(run.said()).not.toContain("All services have ended");
  });

  it("starts a process that crashed", async () => {
    await stack.crash(1);
    await waitFor(async () => (await stateOf("product"))?.state === ProcessState.ENDED);
    expect((await stateOf("product"))?.lastExit).toBe("ended with exit code 7");
    expect((await control((client) => client.startProcess({ process: "product" }))).process?.state).toBe(
      ProcessState.RUNNING,
    );
  });

  it.skipIf(process.platform === "win32")("pauses a process, and stops a paused one", async () => {
    expect((await control((client) => client.pauseProcess({ process: "user" }))).process?.state).toBe(
      ProcessState.PAUSED,
    );
    expect((await control((client) => client.resumeProcess({ process: "user" }))).process?.state).toBe(
      ProcessState.RUNNING,
    );
    await control((client) => client.pauseProcess({ process: "user" }));
    expect((await control((client) => client.stopProcess({ process: "user" }))).process?.lastExit).toBe(
      "ended with exit code 0",
    );
    await control((client) => client.startProcess({ process: "user" }));
  });

  it("injects faults, also into a restarted process, until they are removed", async () => {
    const rule = { process: "order", method: "CreateOrder", percent: 30, code: RpcCode.UNAVAILABLE };
    const added = await control((client) => client.addFault({ rule, duration: { seconds: 60n } }));
    expect(added.rule).toMatchObject(rule);
    const injected = [expect.objectContaining({ method: "CreateOrder", percent: 30, code: Code.Unavailable })];
    await waitFor(async () => (await faultsOf(2)).length === 1);
    expect(await faultsOf(2)).toEqual(injected);
    await control((client) => client.restartProcess({ process: "order" }));
    await waitFor(async () => (await faultsOf(2)).length === 1);
    expect((await stateOf("order"))?.faults).toHaveLength(1);
    await control((client) => client.removeFaults({ process: "order" }));
    await waitFor(async () => (await faultsOf(2)).length === 0);
    // They also expire.
    await control((client) => client.addFault({ rule, duration: { seconds: 1n } }));
    await waitFor(async () => (await stateOf("order"))?.faults.length === 0);
  });

  it.each([
    ["nothing to inject", { rule: { process: "order" } }, Code.InvalidArgument],
    ["no process", { rule: { process: "", code: RpcCode.UNAVAILABLE } }, Code.InvalidArgument],
    ["an unknown process", { rule: { process: "no-such-process", code: RpcCode.UNAVAILABLE } }, Code.NotFound],
    ["too long a latency", { rule: { process: "order", latency: { seconds: 61n } } }, Code.InvalidArgument],
    [
      "too long a time",
      { rule: { process: "order", code: RpcCode.UNAVAILABLE }, duration: { seconds: 901n } },
      Code.InvalidArgument,
    ],
    [
      "too large a share",
      { rule: { process: "order", code: RpcCode.UNAVAILABLE, percent: 101 } },
      Code.InvalidArgument,
    ],
  ])("refuses a fault with %s", async (_name, request, code) => {
    expect(await codeOf((client) => client.addFault(request))).toBe(code);
  });

  it("streams the lines of a process, its previous lines first", async () => {
    const kept = await control(async (client) => {
      for await (const { lines } of client.watchLogs({ process: "user", lines: 5, onlyKept: true })) {
        return lines;
      }
      return [];
    });
    expect(kept.at(-1)).toMatchObject({ process: "user", text: expect.stringContaining('"msg":"listening"') });
    expect(kept.length).toBeLessThanOrEqual(5);
  });

  it("by commands, which print errors and exit with their codes", async () => {
    const list = await parley("ps");
    expect(list.code).toBe(0);
    expect(list.said).toMatch(/user\s+running/);
    const twice = await parley("start", "user");
    expect(twice).toMatchObject({ code: 4, said: expect.stringContaining("user is already running") });
    const fault = await parley("fault", "product", "--latency", "200ms", "--for", "5s");
    expect(fault.said).toMatch(/^product: all calls: 200 ms more, for 5 s/);
  });

  it("no longer after it has ended", async () => {
    run.child.kill("SIGINT");
    expect(await run.exitCode).toBe(0);
    expect(await readControl(data)).toBeUndefined();
    const late = await parley("ps");
    expect(late).toMatchObject({ code: 2, said: expect.stringContaining("No parley up runs with the data folder") });
  });
});
