import { setTimeout as wait } from "node:timers/promises";
import { findPortUse } from "../ports/find-port-use.ts";
import { waitUntilHealthy } from "../process/health.ts";
import { type Exit, ServiceProcess } from "../process/service-process.ts";
import { sourcePrograms } from "../programs/programs.ts";
import { type StackSettings, serviceEnvironment, serviceUrl } from "../service/service-environment.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";

export interface StackOptions {
  readonly settings: StackSettings;
  readonly shell: Readonly<Record<string, string | undefined>>;
  readonly onLine: (name: string, line: string) => void;
  /** Called before a service whose port was in use for a moment is started again. */
  readonly onStartAgain?: (name: string, port: number) => void;
}

/** A service of a running stack. */
export interface StackMember {
  readonly service: ServiceDefinition;
  readonly url: string;
  /** Where it listens, on this machine. */
  readonly port: number;
  /** Its process; while it starts, the last that was tried. */
  readonly process: ServiceProcess;
  /** Settles when the service is healthy, with the milliseconds since it was started. Rejects if it never is. */
  readonly healthy: Promise<number>;
}

/** A service ended before it was healthy. */
export class ServiceEndedError extends Error {
  readonly member: StackMember;
  readonly exit: Exit;
  constructor(member: StackMember, exit: Exit) {
    super(`${member.service.name} ended before it was healthy`);
    this.name = "ServiceEndedError";
    this.member = member;
    this.exit = exit;
  }
}

/** How often a service is started whose port is in use though no process listens on it. */
const startTriesMax = 5;
/** Before the second start, in milliseconds; before each further one as much more. */
const startPauseMs = 200;

/** Services as child processes of this one. One that has ended is never restarted, unless it never listened. */
export class Stack {
  readonly members: readonly StackMember[];
  #stopping = false;

  /** Starts all services at once. What one of them calls may still be starting: calls wait and retry. */
  constructor(services: readonly ServiceDefinition[], options: StackOptions) {
    this.members = services.map((service) => this.#start(service, options));
  }

  /** The services that have not ended. */
  get running(): readonly StackMember[] {
    return this.members.filter((member) => member.process.exit === undefined);
  }

  /**
   * Asks every service to drain and end; settles when all have ended. Callers end before the services that they call, so that
   * calls in flight can be finished.
   */
  async drain(): Promise<void> {
    this.#stopping = true;
    while (this.running.length > 0) {
      const called = new Set(this.running.flatMap((member) => member.service.calls));
      const uncalled = this.running.filter((member) => !called.has(member.service.name));
      // Services that call each other in a circle go together.
      const next = uncalled.length > 0 ? uncalled : this.running;
      await Promise.all(
        next.map(({ process }) => {
          process.stop();
          return process.ended;
        }),
      );
    }
  }

  /** Ends every service at once. */
  kill(): void {
    this.#stopping = true;
    for (const { process } of this.running) {
      process.kill();
    }
  }

  #start(service: ServiceDefinition, { settings, shell, onLine, onStartAgain }: StackOptions): StackMember {
    const port = service.port + settings.portOffset;
    const { programs = sourcePrograms } = settings;
    const spawn = () =>
      new ServiceProcess(service.name, {
        main: programs.main(service),
        preload: programs.preload,
        port,
        environment: serviceEnvironment(service, settings, shell),
        onLine: (line) => onLine(service.name, line),
      });
    const member: { -readonly [K in keyof StackMember]: StackMember[K] } = {
      service,
      url: serviceUrl(service, settings, shell),
      port,
      process: spawn(),
      healthy: Promise.resolve(0),
    };
    const startAgain = async (tries: number) => {
      if (this.#stopping || tries === startTriesMax || !(await wasInUseForAMoment(member))) {
        return false;
      }
      await wait(startPauseMs * tries);
      if (this.#stopping) {
        return false;
      }
      onStartAgain?.(service.name, port);
      member.process = spawn();
      return true;
    };
    member.healthy = untilHealthy(member, startAgain);
    // Only the first failure of all members is awaited; the others must not count as unhandled.
    member.healthy.catch(() => {});
    return member;
  }
}

/** Whether a service could not listen because of a socket that is not listening: such a use passes. */
async function wasInUseForAMoment({ process, port }: StackMember): Promise<boolean> {
  return process.listenError === "EADDRINUSE" && (await findPortUse(port)).kind !== "listening";
}

async function untilHealthy(member: StackMember, startAgain: (tries: number) => Promise<boolean>): Promise<number> {
  const beganAt = performance.now();
  for (let tries = 1; ; tries++) {
    const { process } = member;
    // Nothing dials the port before the process reports that it listens: see preload/refuse-self-connection.ts.
    const exit = await Promise.race([process.listening, process.ended]);
    if (exit === undefined) {
      const ended = new AbortController();
      process.ended.then((how) => ended.abort(new ServiceEndedError(member, how)));
      await waitUntilHealthy(member.url, ended.signal);
      return performance.now() - beganAt;
    }
    if (!(await startAgain(tries))) {
      throw new ServiceEndedError(member, exit);
    }
  }
}
