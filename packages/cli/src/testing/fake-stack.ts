import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FakeRun, freePorts, runFakeParley } from "./run-fake-parley.ts";

/** The text of `parley up` once every service is healthy. */
export const isUp = /Parley is up/;

/** A folder, ports and runs of the fake `parley up`, for one test. */
export class FakeStack {
  readonly folder = mkdtempSync(join(tmpdir(), "parley-up-"));
  /** Of user, product and order. */
  ports: readonly number[];
  readonly #runs: FakeRun[] = [];

  private constructor(ports: readonly number[]) {
    this.ports = ports;
  }

  static async create(): Promise<FakeStack> {
    return new FakeStack(await freePorts(3));
  }

  /** Starts the fake `parley up` with its data in `data` of the folder. */
  up(args: readonly string[] = [], variables: Readonly<Record<string, string>> = {}): FakeRun {
    const run = runFakeParley(["up", "--data", join(this.folder, "data"), ...args], {
      FAKE_PORTS: this.ports.join(","),
      ...variables,
    });
    this.#runs.push(run);
    return run;
  }

  /** The environment of a running service. */
  async environmentOf(index: number): Promise<Record<string, string>> {
    return (await fetch(`http://127.0.0.1:${this.ports[index]}/environment`)).json() as Promise<Record<string, string>>;
  }

  /** Makes a service exit. */
  async crash(index: number): Promise<void> {
    await fetch(`http://127.0.0.1:${this.ports[index]}/crash`).catch(() => {});
  }

  /** Whether a service answers. */
  async listens(index: number): Promise<boolean> {
    return fetch(`http://127.0.0.1:${this.ports[index]}/health`).then(
      () => true,
      () => false,
    );
  }

  /** Kills the running commands, and removes the folder. */
  async dispose(): Promise<void> {
    for (const { child } of this.#runs.filter((run) => run.child.exitCode === null)) {
      child.kill("SIGKILL");
    }
    await Promise.all(this.#runs.map((run) => run.exitCode));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
