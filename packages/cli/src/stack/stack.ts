import { setTimeout as wait } from "node:timers/promises";
import { findPortUse } from "../ports/find-port-use.ts";
import { waitUntilHealthy } from "../process/health.ts";
import { type Exit, ServiceProcess } from "../process/service-process.ts";
import { sourcePrograms } from "../programs/programs.ts";
import { serviceNameOf } from "../service/replicas.ts";
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
  /** Resolves when the service is healthy, with the milliseconds since its last start. Rejects if it never is. */
  readonly healthy: Promise<number>;
  /** Whether {@link healthy} has resolved. */
  readonly isHealthy: boolean;
  /** When it was started last, in milliseconds since 1970. */
  readonly startedAt: number;
  /** How often it was started by {@link Stack} or on request. */
  readonly starts: number;
  /** Whether its process was asked to end, and the stack was not. */
  readonly endsOnRequest: boolean;
  /** Settles when it is started again on request. */
  readonly startedAgain: Promise<void>;
}

type MutableMember = { -readonly [K in keyof StackMember]: StackMember[K] } & { resolveStarted: () => void };

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

/** The most starts of a service whose port is in use without a listener. */
const startTriesMax = 5;
/** The pause before the second start, in milliseconds; each further pause is longer by the same time. */
const startPauseMs = 200;

/**
 * Services as child processes of this one. A service that has ended is restarted only if it never listened, or on request,
 * see {@link Stack.startAgain}.
 */
export class Stack {
  readonly members: readonly StackMember[];
  readonly #options: StackOptions;
  #stopping = false;

  /** Starts all services at once. A callee may still be starting: calls wait and retry. */
  constructor(services: readonly ServiceDefinition[], options: StackOptions) {
    this.#options = options;
    this.members = services.map((service) => this.#start(service));
  }

  /** Whether everything was asked to end. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Ends a member's process: by letting it drain, or at once. Settles when it has ended. */
  async end(member: StackMember, { atOnce }: { readonly atOnce: boolean }): Promise<void> {
    (member as MutableMember).endsOnRequest = true;
    if (atOnce) {
      member.process.kill();
    } else {
      member.process.stop();
    }
    await member.process.ended;
  }

  /** Starts a member whose process has ended. Settles when it is healthy. Rejects if it ends before. */
  async startAgain(member: StackMember): Promise<void> {
    const mutable = member as MutableMember;
    const { resolveStarted } = mutable;
    this.#run(mutable);
    resolveStarted();
    await mutable.healthy;
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
      const uncalled = this.running.filter((member) => !called.has(serviceNameOf(member.service)));
      // Services that call each other in a cycle are stopped together.
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

  #start(service: ServiceDefinition): StackMember {
    const { settings, shell } = this.#options;
    const port = service.port + settings.portOffset;
    const member = { service, url: serviceUrl(service, settings, shell), port, starts: 0 } as MutableMember;
    this.#run(member);
    return member;
  }

  /** Gives a member a new process. */
  #run(member: MutableMember): void {
    const { settings, shell, onLine, onStartAgain } = this.#options;
    const { service, port } = member;
    const { programs = sourcePrograms } = settings;
    const spawn = () =>
      new ServiceProcess(service.name, {
        main: programs.main(service),
        preload: programs.preload,
        port,
        environment: serviceEnvironment(service, settings, shell),
        onLine: (line) => onLine(service.name, line),
      });
    const { promise, resolve } = Promise.withResolvers<void>();
    Object.assign(member, {
      process: spawn(),
      startedAt: Date.now(),
      starts: member.starts + 1,
      endsOnRequest: false,
      isHealthy: false,
      startedAgain: promise,
      resolveStarted: resolve,
    });
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
    const healthy = untilHealthy(member, startAgain);
    member.healthy = healthy;
    // Only the first failure of all members is awaited; the others must not count as unhandled.
    healthy.then(
      () => {
        member.isHealthy = true;
      },
      () => {},
    );
  }
}

/** Whether a service could not listen because of a socket that is not listening: such a use is temporary. */
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
