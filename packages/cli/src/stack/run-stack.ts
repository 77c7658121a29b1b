import { mkdir } from "node:fs/promises";
import { relative } from "node:path";
import { findDatabaseFiles, removeDatabaseFiles } from "../data/database-files.ts";
import { findTakenPorts } from "../ports/ports.ts";
import { endedWell } from "../process/service-process.ts";
import { requiresAuth, type StackSettings } from "../service/service-environment.ts";
import { ensureServiceKeys, UnusableKeyError } from "../service/service-keys.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { withProgress } from "../terminal/progress.ts";
import { serviceLineWriter } from "../terminal/service-line.ts";
import type { Terminal } from "../terminal/terminal.ts";
import * as report from "./reports.ts";
import { ServiceEndedError, Stack } from "./stack.ts";
import { watchSignals } from "./stop-signals.ts";

/** How long the services have to become healthy, in milliseconds. They take one second; a loaded machine takes longer. */
const startMaxMs = 30_000;
/** How long draining may take before the services are ended, in milliseconds: above what SHUTDOWN_GRACE_MS usually is. */
const drainMaxMs = 60_000;

export interface RunOptions {
  readonly terminal: Terminal;
  readonly shell: Readonly<Record<string, string | undefined>>;
  readonly settings: StackSettings;
  /** Whether the databases are removed first. */
  readonly fresh: boolean;
}

/**
 * Starts services and stays until a signal ends them or all have ended.
 * @returns the exit code: 0 if they were ended on request, 1 if they could not be started or one ended by itself.
 */
export async function runStack(services: readonly ServiceDefinition[], options: RunOptions): Promise<number> {
  const { terminal, settings, shell, fresh } = options;
  const taken = await findTakenPorts(services, { host: shell.HOST ?? "127.0.0.1", portOffset: settings.portOffset });
  if (taken.length > 0) {
    await report.takenPorts(terminal, taken, { services, settings, shell });
    return 1;
  }
  if (shell.DATABASE_URL !== undefined) {
    report.ignoredDatabaseUrl(terminal, services);
  }
  if (fresh) {
    await removeData(services, options);
  }
  await mkdir(settings.dataFolder, { recursive: true });
  const keys = requiresAuth(shell) ? await serviceKeys(options) : {};
  if (keys === undefined) {
    return 1;
  }

  const writeLine = serviceLineWriter(
    terminal,
    services.map((service) => service.name),
  );
  const signals = watchSignals({ underNpm: shell.npm_command !== undefined });
  const stack = new Stack(services, { settings: { ...settings, ...keys }, shell, onLine: writeLine });
  try {
    const stopped = signals.first.then(() => "stopped" as const);
    const started = untilHealthy(stack, terminal);
    if ((await Promise.race([started, stopped])) === "failed") {
      await drain(stack, terminal, signals.second);
      return 1;
    }
    if (!signals.received) {
      await report.addresses(terminal, stack, { settings, shell });
      const crashes = reportCrashes(stack, terminal, { settings, stopping: () => signals.received });
      if ((await Promise.race([crashes, stopped])) !== "stopped") {
        terminal.say(terminal.colors.red("All services have ended, and with them parley up."));
        return 1;
      }
    }
    await drain(stack, terminal, signals.second);
    // A crash before, calls cut off after the grace period, a kill: what was not a clean end shows in the exit code.
    return stack.members.every(({ process: { exit } }) => exit !== undefined && endedWell(exit)) ? 0 : 1;
  } finally {
    signals.dispose();
    stack.kill();
  }
}

/** The keys that services prove themselves with. Undefined, and said why, where a file of them cannot be used. */
async function serviceKeys({ terminal, settings }: RunOptions): Promise<Pick<StackSettings, "keys"> | undefined> {
  try {
    return { keys: await ensureServiceKeys(settings.services, settings.dataFolder) };
  } catch (error) {
    if (!(error instanceof UnusableKeyError)) {
      throw error;
    }
    terminal.say(`${terminal.colors.red(error.message)} Nothing was started.`);
    return undefined;
  }
}

async function removeData(services: readonly ServiceDefinition[], { terminal, settings }: RunOptions): Promise<void> {
  const files = await findDatabaseFiles(services, settings);
  terminal.say(files.length === 0 ? "Nothing to remove: there are no databases yet." : "Removing");
  for (const file of files) {
    terminal.say(`  ${relative(process.cwd(), file) || file}`);
  }
  await removeDatabaseFiles(files, settings.dataFolder);
}

class TooLateError extends Error {}

async function untilHealthy(stack: Stack, terminal: Terminal): Promise<"healthy" | "failed"> {
  const waiting = new Set(stack.members.map((member) => member.service.name));
  const all = Promise.all(
    stack.members.map(async ({ service, healthy }) => {
      await healthy;
      waiting.delete(service.name);
    }),
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TooLateError()), startMaxMs);
  });
  try {
    await withProgress(terminal, () => `Waiting for ${[...waiting].join(", ")}`, Promise.race([all, late]));
    return "healthy";
  } catch (error) {
    if (error instanceof ServiceEndedError) {
      report.endedAtStart(terminal, error.member, error.exit);
    } else if (error instanceof TooLateError) {
      report.neverHealthy(terminal, [...waiting], startMaxMs);
    } else {
      throw error;
    }
    return "failed";
  } finally {
    clearTimeout(timer);
  }
}

/** Says of each service that ends by itself what it was, and what becomes of the rest. Settles when none is left. */
async function reportCrashes(
  stack: Stack,
  terminal: Terminal,
  { settings, stopping }: { readonly settings: StackSettings; readonly stopping: () => boolean },
): Promise<void> {
  await Promise.all(
    stack.members.map(async (member) => {
      const exit = await member.process.ended;
      if (!stopping()) {
        report.endedByItself(terminal, member, exit, { running: stack.running, settings });
      }
    }),
  );
}

async function drain(stack: Stack, terminal: Terminal, second: Promise<void>): Promise<void> {
  const names = () => stack.running.map((member) => member.service.name).join(", ");
  const asked = stack.running;
  if (asked.length === 0) {
    return;
  }
  terminal.say(`Stopping ${names()}: what was begun is finished. Ctrl-C again ends them at once.`);
  const timer = setTimeout(() => {
    terminal.say(terminal.colors.red(`${names()} did not end within ${drainMaxMs / 1_000} s, and was killed.`));
    stack.kill();
  }, drainMaxMs);
  second.then(() => {
    if (stack.running.length > 0) {
      terminal.say(terminal.colors.red(`Killed ${names()}.`));
      stack.kill();
    }
  });
  await withProgress(terminal, () => `Waiting for ${names()} to end`, stack.drain());
  clearTimeout(timer);
  report.unclean(terminal, asked);
  terminal.say("All services have ended.");
}
