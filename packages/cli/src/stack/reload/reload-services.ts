import { relative } from "node:path";
import { exitInWords } from "../../process/service-process.ts";
import { shownPath } from "../../service/start-command.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import type { ProcessControl } from "../control/process-control.ts";
import type { Stack, StackMember } from "../stack.ts";
import { syntaxMistakes } from "./check-syntax.ts";
import { sourceFolders } from "./source-folders.ts";
import { watchSources } from "./source-watcher.ts";

export interface ReloadOptions {
  /** The folder of the workspace. */
  readonly root: string;
  readonly control: Pick<ProcessControl, "restart" | "kill">;
  readonly terminal: Terminal;
}

/** The most files that a line names. */
const namedMax = 3;
/** The time for a service to drain and to become healthy again before it is killed, in milliseconds: twice the time limit of draining. */
const restartMaxMs = 60_000;

/**
 * Restarts the services of a running stack whose sources change, each after it has drained. A file with a syntax error restarts nothing:
 * the services keep running the old code until it is fixed. A service that was stopped on request stays stopped. Returns the function that ends it.
 */
export async function reloadOnChange(stack: Stack, options: ReloadOptions): Promise<() => Promise<void>> {
  const { root, terminal } = options;
  const folders = await sourceFolders(
    root,
    stack.members.map(({ service }) => service),
  );
  const reload: Reload = { ...options, stack, folders, changed: new Set(), failed: new Set() };
  let changes = 0;
  let reloading: Promise<void> | undefined;

  async function reloadAll(): Promise<void> {
    // Changes during a reload cause another reload.
    for (let seen = 0; seen !== changes && !stack.stopping; ) {
      seen = changes;
      await reloadChanged(reload);
    }
    reloading = undefined;
  }

  const stopWatching = watchSources([...new Set([...folders.values()].flatMap((each) => [...each]))], {
    onChanged(paths) {
      for (const path of paths) {
        reload.changed.add(path);
      }
      changes++;
      reloading ??= reloadAll();
    },
    onPolling: ({ message }) =>
      terminal.say(`The system cannot report changed files: ${message}. The sources are checked every second.`),
  });
  return async () => {
    stopWatching();
    await reloading;
  };
}

interface Reload extends ReloadOptions {
  readonly stack: Stack;
  readonly folders: ReadonlyMap<string, ReadonlySet<string>>;
  /** The changed files without a restart yet. */
  readonly changed: Set<string>;
  /** The services whose last restart failed: the next change starts them again. */
  readonly failed: Set<string>;
}

/** Restarts the services that run the changed files. If one of the files has a syntax error, all of them wait until it is fixed. */
async function reloadChanged({ stack, folders, changed, failed, control, terminal }: Reload): Promise<void> {
  const paths = [...changed];
  const { colors } = terminal;
  const mistakes = await syntaxMistakes(paths).catch(() => []);
  for (const { path, line, message } of mistakes) {
    terminal.say(colors.red(`${shownPath(path)}:${line}: ${message}`));
  }
  if (mistakes.length > 0) {
    terminal.say("Nothing is restarted. Waiting for the next change.");
    return;
  }
  for (const path of paths) {
    changed.delete(path);
  }
  const members = stack.members.filter((member) => {
    const { name } = member.service;
    const isStopped = member.endsOnRequest && member.process.exit !== undefined && !failed.has(name);
    return !isStopped && paths.some((path) => isBelow(folders.get(name), path));
  });
  if (members.length === 0) {
    return;
  }
  const named = paths.slice(0, namedMax).map(shownPath);
  const more = paths.length > named.length ? ` and ${paths.length - named.length} more` : "";
  terminal.say(`${named.join(", ")}${more} changed. Restarting ${namesOf(members)}.`);
  const outcomes = await Promise.all(members.map((member) => restarted(member, control)));
  const running = members.filter((_, index) => outcomes[index]);
  for (const [index, { service }] of members.entries()) {
    failed[outcomes[index] ? "delete" : "add"](service.name);
  }
  if (running.length > 0) {
    terminal.say(colors.green(`Restarted ${namesOf(running)}.`));
  }
  for (const { service, process } of stack.stopping ? [] : members.filter((member) => !running.includes(member))) {
    const how = process.exit === undefined ? "did not become healthy" : exitInWords(process.exit);
    terminal.say(colors.red(`${service.name} ${how}. Waiting for the next change.`));
  }
}

async function restarted({ service }: StackMember, control: ReloadOptions["control"]): Promise<boolean> {
  // A process that never listens would block the next change.
  const late = setTimeout(() => void control.kill(service.name).catch(() => {}), restartMaxMs);
  return control
    .restart(service.name)
    .then(
      () => true,
      () => false,
    )
    .finally(() => clearTimeout(late));
}

function namesOf(members: readonly StackMember[]): string {
  return members.map(({ service }) => service.name).join(", ");
}

function isBelow(folders: ReadonlySet<string> | undefined, path: string): boolean {
  return [...(folders ?? [])].some((folder) => !relative(folder, path).startsWith(".."));
}
