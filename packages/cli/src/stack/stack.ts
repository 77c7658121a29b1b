import { waitUntilHealthy } from "../process/health.ts";
import { type Exit, ServiceProcess } from "../process/service-process.ts";
import { type StackSettings, serviceEnvironment, serviceUrl } from "../service/service-environment.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";

export interface StackOptions {
  readonly settings: StackSettings;
  readonly shell: Readonly<Record<string, string | undefined>>;
  readonly onLine: (name: string, line: string) => void;
}

/** A service of a running stack. */
export interface StackMember {
  readonly service: ServiceDefinition;
  readonly url: string;
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

/** Services as child processes of this one. None is ever restarted. */
export class Stack {
  readonly members: readonly StackMember[];

  /** Starts all services at once. What one of them calls may still be starting: calls wait and retry. */
  constructor(services: readonly ServiceDefinition[], { settings, shell, onLine }: StackOptions) {
    this.members = services.map((service) => {
      const url = serviceUrl(service, settings, shell);
      const process = new ServiceProcess(service.name, {
        main: service.main,
        environment: serviceEnvironment(service, settings, shell),
        onLine: (line) => onLine(service.name, line),
      });
      const member: { -readonly [K in keyof StackMember]: StackMember[K] } = {
        service,
        url,
        process,
        healthy: Promise.resolve(0),
      };
      member.healthy = untilHealthy(member);
      // Whoever waits for all of them hears of the first failure alone; the others must not count as unhandled.
      member.healthy.catch(() => {});
      return member;
    });
  }

  /** The services that have not ended. */
  get running(): readonly StackMember[] {
    return this.members.filter((member) => member.process.exit === undefined);
  }

  /**
   * Asks every service to finish what it has begun and end; settles when all have ended. Who calls goes before who is
   * called, so that what the caller has begun can still be finished.
   */
  async drain(): Promise<void> {
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
    for (const { process } of this.running) {
      process.kill();
    }
  }
}

async function untilHealthy(member: StackMember): Promise<number> {
  const beganAt = performance.now();
  const ended = new AbortController();
  member.process.ended.then((exit) => ended.abort(new ServiceEndedError(member, exit)));
  await waitUntilHealthy(member.url, ended.signal);
  return performance.now() - beganAt;
}
