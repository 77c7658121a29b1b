import { readFile } from "node:fs/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { ProcessState } from "@parley/gen/stack/v1/stack_service_pb.js";
import { exitInWords } from "../../process/service-process.ts";
import type { Stack, StackMember } from "../stack.ts";
import { ServiceEndedError } from "../stack.ts";
import type { FaultRules } from "./fault-rules.ts";

export interface ProcessControlOptions {
  readonly stack: Stack;
  readonly faults: FaultRules;
  /** Takes a service's lock in the data folder again; false if another stack holds it. */
  readonly claim: (service: string) => Promise<boolean>;
  readonly platform?: NodeJS.Platform;
}

/** Starts and stops the processes of a running stack, one operation at a time for each. */
export class ProcessControl {
  readonly #options: ProcessControlOptions;
  readonly #paused = new WeakSet<StackMember["process"]>();
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(options: ProcessControlOptions) {
    this.#options = options;
  }

  get members(): readonly StackMember[] {
    return this.#options.stack.members;
  }

  /** @throws ConnectError NOT_FOUND naming the existing processes. */
  member(name: string): StackMember {
    const member = this.members.find(({ service }) => service.name === name);
    if (member === undefined) {
      const known = this.members.map(({ service }) => service.name).join(", ");
      throw new ConnectError(`process: there is no process "${name}"; the processes are ${known}`, Code.NotFound);
    }
    return member;
  }

  state(member: StackMember): ProcessState {
    const { process } = member;
    if (process.exit !== undefined) {
      return ProcessState.ENDED;
    }
    if (member.endsOnRequest) {
      return ProcessState.STOPPING;
    }
    if (this.#paused.has(process)) {
      return ProcessState.PAUSED;
    }
    return member.isHealthy ? ProcessState.RUNNING : ProcessState.STARTING;
  }

  start(name: string): Promise<StackMember> {
    return this.#exclusively(name, async (member) => {
      if (member.process.exit === undefined) {
        throw new ConnectError(`${name} is already running, as process ${member.process.pid}`, Code.FailedPrecondition);
      }
      await this.#startAgain(member);
    });
  }

  stop(name: string): Promise<StackMember> {
    return this.#exclusively(name, (member) => this.#options.stack.end(this.#running(member), { atOnce: false }));
  }

  /** Does not wait for other operations on the process, which may hang. */
  async kill(name: string): Promise<StackMember> {
    const member = this.#running(this.member(name));
    await this.#options.stack.end(member, { atOnce: true });
    return member;
  }

  restart(name: string): Promise<StackMember> {
    return this.#exclusively(name, async (member) => {
      if (member.process.exit === undefined) {
        await this.#options.stack.end(member, { atOnce: false });
      }
      await this.#startAgain(member);
    });
  }

  async pause(name: string): Promise<StackMember> {
    const member = this.#running(this.member(name));
    if ((this.#options.platform ?? process.platform) === "win32") {
      throw new ConnectError("Windows cannot pause a process; stop or kill it", Code.FailedPrecondition);
    }
    member.process.pause();
    this.#paused.add(member.process);
    return member;
  }

  async resume(name: string): Promise<StackMember> {
    const member = this.#running(this.member(name));
    member.process.resume();
    this.#paused.delete(member.process);
    return member;
  }

  async #startAgain(member: StackMember): Promise<void> {
    const { stack, claim, faults } = this.#options;
    const { name } = member.service;
    if (stack.stopping) {
      throw new ConnectError("the stack is stopping", Code.FailedPrecondition);
    }
    if (!(await claim(name))) {
      throw new ConnectError(`${name} was started by another parley up in this data folder`, Code.FailedPrecondition);
    }
    const healthy = stack.startAgain(member);
    faults.resend(name);
    try {
      await healthy;
    } catch (error) {
      const how = error instanceof ServiceEndedError ? exitInWords(error.exit) : "did not become healthy";
      throw new ConnectError(
        `${name} ${how}; parley logs ${name} shows why`,
        Code.FailedPrecondition,
        undefined,
        [],
        error,
      );
    }
  }

  #running(member: StackMember): StackMember {
    if (member.process.exit !== undefined) {
      throw new ConnectError(`${member.service.name} is not running; start it first`, Code.FailedPrecondition);
    }
    return member;
  }

  /** Runs the operations on a process one after another: a start waits until the previous stop has finished. */
  async #exclusively(name: string, body: (member: StackMember) => Promise<void>): Promise<StackMember> {
    const member = this.member(name);
    const before = this.#busy.get(name) ?? Promise.resolve();
    const turn = before.catch(() => {}).then(() => body(member));
    this.#busy.set(name, turn);
    await turn;
    return member;
  }
}

/** The resident set size of a process in bytes; 0 if it is unknown. */
export async function residentBytes(pid: number | undefined): Promise<number> {
  try {
    // proc_pid_statm(5): the second number, in pages.
    const [, pages = "0"] = (await readFile(`/proc/${pid}/statm`, "utf8")).split(" ");
    return Number(pages) * pageBytes;
  } catch {
    return 0;
  }
}

const pageBytes = 4_096;
