import type { FolderClaim } from "../data/folder-claim.ts";
import { startMistakes } from "../doctor/start-mistakes.ts";
import { createServiceLogs } from "../logs/service-logs.ts";
import { exitCodes } from "../outcome/exit-codes.ts";
import { findPortUse } from "../ports/find-port-use.ts";
import { findTakenPorts } from "../ports/ports.ts";
import { endedWell } from "../process/service-process.ts";
import { root } from "../programs/build-record.ts";
import { requiresAuth, type StackSettings } from "../service/service-environment.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { onOutputLost } from "../terminal/output.ts";
import { withProgress } from "../terminal/progress.ts";
import { serviceLineWriter } from "../terminal/service-line.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { buildConsoleFor, servesConsole } from "./build-console.ts";
import { controlStack, stackControl } from "./control/control-stack.ts";
import { StackLog } from "./control/stack-log.ts";
import { replicaMistake, startDatabases } from "./database-server.ts";
import { claimFolder, type RunOptions, removeData, serviceKeys } from "./prepare-folder.ts";
import { rebuildConsoleOnChange } from "./reload/rebuild-console.ts";
import { reloadOnChange } from "./reload/reload-services.ts";
import * as report from "./reports.ts";
import { ServiceEndedError, Stack, type StackMember } from "./stack.ts";
import { type StopSignals, watchSignals } from "./stop-signals.ts";

/** The time for services to become healthy, in milliseconds. They take one second; a loaded machine takes longer. */
const startMaxMs = 30_000;
/** The time for draining before the services are killed, in milliseconds: above the usual SHUTDOWN_GRACE_MS. */
const drainMaxMs = 60_000;
/** How often a restarted service checks that the rest of its stack still runs, in milliseconds. */
const stackCheckMs = 500;

/**
 * Starts services and runs until a signal stops them or all have exited.
 * @returns the exit code: 0 if they were stopped on request, 1 if they could not be started or one exited, 2 if a
 * setting is wrong.
 */
export async function runStack(services: readonly ServiceDefinition[], options: RunOptions): Promise<number> {
  const { terminal, settings, shell } = options;
  const replicas = replicaMistake(services, options);
  if (replicas !== undefined) {
    terminal.say(terminal.colors.red(`error: ${replicas}`));
    return exitCodes.invalid;
  }
  const mistakes = await startMistakes(services, { shell, dataFolder: settings.dataFolder });
  if (mistakes.length > 0) {
    report.mistakes(terminal, mistakes);
    return exitCodes.invalid;
  }
  const taken = await findTakenPorts(services, { host: shell.HOST ?? "127.0.0.1", portOffset: settings.portOffset });
  if (taken.length > 0) {
    await report.takenPorts(terminal, taken, { services, settings, shell });
    return exitCodes.other;
  }
  const claim = await claimFolder(services, options);
  if (claim === undefined) {
    return exitCodes.other;
  }
  try {
    return await runClaimed(services, { ...options, claim });
  } finally {
    await claim.release(settings.services);
  }
}

async function runClaimed(
  services: readonly ServiceDefinition[],
  options: RunOptions & { readonly claim: FolderClaim },
): Promise<number> {
  const { terminal, settings, shell, fresh } = options;
  if (shell.DATABASE_URL !== undefined) {
    report.ignoredDatabaseUrl(terminal, services);
  }
  if (fresh) {
    await removeData(services, options);
  }
  const keys = requiresAuth(shell) ? await serviceKeys(options) : {};
  if (keys === undefined) {
    return exitCodes.other;
  }
  const databases = await startDatabases(services, options);
  if (databases === undefined) {
    return exitCodes.other;
  }
  try {
    return await runServices(services, {
      ...options,
      settings: { ...settings, ...keys },
      shell: { ...shell, ...databases.variables },
    });
  } finally {
    await databases.stop();
  }
}

async function runServices(
  services: readonly ServiceDefinition[],
  { terminal, settings, shell, claim, watch = false }: RunOptions & { readonly claim: FolderClaim },
): Promise<number> {
  const writeLine = serviceLineWriter(
    terminal,
    services.map((service) => service.name),
  );
  const logs = createServiceLogs(settings.dataFolder);
  const signals = watchSignals({ underNpm: shell.npm_command !== undefined });
  const forgetOutput = watchOutput(terminal, signals);
  const stopWatching = watchStack(claim, { settings, terminal, signals });
  void buildConsoleFor(services, terminal);
  const log = new StackLog();
  const stack = new Stack(services, {
    settings,
    shell,
    onLine: (name, line) => {
      log.add(name, line);
      logs.write(name, line);
      writeLine(name, line);
    },
    onStartAgain: (name, port) => report.startsAgain(terminal, name, port),
  });
  let endControl = async () => {};
  let endReload = async () => {};
  let endRebuild = () => {};
  try {
    const stopped = signals.first.then(() => "stopped" as const);
    const started = untilHealthy(stack, terminal);
    if ((await Promise.race([started, stopped])) === "failed") {
      await drain(stack, terminal, signals.second);
      const settingsWereWrong = stack.members.some(({ process: { exit } }) => exit?.code === exitCodes.invalid);
      return settingsWereWrong ? exitCodes.invalid : exitCodes.other;
    }
    if (!signals.received) {
      await report.addresses(terminal, stack, { settings, shell });
      const control = stackControl(stack, claim);
      endControl = await controlStack(stack, { ...control, log, claim, settings, shell, terminal });
      if (watch) {
        endReload = await reloadOnChange(stack, { ...control, root, terminal });
        if (servesConsole(services)) {
          endRebuild = rebuildConsoleOnChange({ terminal });
        }
        terminal.say("Watching the sources. A service restarts when one of its files changes.");
      }
      const crashes = reportCrashes(stack, { terminal, settings, claim, watch, stopping: () => signals.received });
      if ((await Promise.race([crashes, stopped])) !== "stopped") {
        terminal.say(terminal.colors.red("All services have exited. Stopping."));
        return exitCodes.other;
      }
    }
    await drain(stack, terminal, signals.second);
    // An earlier crash, calls cut off after the grace period, a kill: an unclean end shows in the exit code.
    return stack.members.every(
      ({ process: { exit }, endsOnRequest }) => endsOnRequest || (exit !== undefined && endedWell(exit)),
    )
      ? exitCodes.ok
      : exitCodes.other;
  } finally {
    stack.kill();
    endRebuild();
    await endReload();
    await endControl();
    stopWatching();
    forgetOutput();
    signals.dispose();
    logs.close();
  }
}

/** A stack drains if the reader of its output ends. If its log cannot be written, it continues, and reports once that lines are lost. */
function watchOutput(terminal: Terminal, signals: StopSignals): () => void {
  return onOutputLost((error) => {
    if (error.code === "EPIPE") {
      signals.stop();
    } else {
      terminal.say(`Cannot write the services' log: ${error.message}. Further lines are lost.`);
    }
  });
}

/** A restarted service ends with its stack. */
function watchStack(
  claim: FolderClaim,
  { settings, terminal, signals }: { settings: StackSettings; terminal: Terminal; signals: StopSignals },
): () => void {
  const { restartedFor } = claim;
  if (restartedFor === undefined) {
    return () => {};
  }
  const timer = setInterval(async () => {
    if (!signals.received && !(await claim.isRunning(restartedFor, settings.services))) {
      report.stackEnded(terminal, restartedFor);
      signals.stop();
    }
  }, stackCheckMs);
  return () => clearInterval(timer);
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
      const { process: ended, port } = error.member;
      report.endedAtStart(terminal, error, ended.listenError === undefined ? undefined : await findPortUse(port));
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

/**
 * Reports each service that exits unexpectedly, and the effect on the others. Resolves when no service runs, unless one was stopped on
 * request, or a change of its sources starts it again.
 */
function reportCrashes(stack: Stack, { terminal, settings, claim, watch, stopping }: CrashOptions): Promise<void> {
  return new Promise((resolve) => {
    const follow = async (member: StackMember) => {
      while (!stopping()) {
        const exit = await member.process.ended;
        if (stopping()) {
          return;
        }
        if (!member.endsOnRequest) {
          // Its port and its database are free for a restart.
          claim.releaseService(member.service.name);
          report.endedByItself(terminal, member, exit, { running: stack.running, settings, watch });
        }
        if (!watch && stack.running.length === 0 && !stack.members.some(({ endsOnRequest }) => endsOnRequest)) {
          resolve();
        }
        await member.startedAgain;
      }
    };
    for (const member of stack.members) {
      void follow(member);
    }
  });
}

interface CrashOptions {
  readonly terminal: Terminal;
  readonly settings: StackSettings;
  readonly claim: FolderClaim;
  /** Whether the next change of a source starts it again. */
  readonly watch: boolean;
  readonly stopping: () => boolean;
}

async function drain(stack: Stack, terminal: Terminal, second: Promise<void>): Promise<void> {
  const names = () => stack.running.map((member) => member.service.name).join(", ");
  const asked = stack.running;
  if (asked.length === 0) {
    return;
  }
  terminal.say(`Stopping ${names()}. In-flight calls are drained (Ctrl-C again kills).`);
  const timer = setTimeout(() => {
    terminal.say(terminal.colors.red(`${names()} did not end within ${drainMaxMs / 1_000} s. Killed.`));
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
