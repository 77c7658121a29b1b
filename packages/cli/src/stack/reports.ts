import { relative } from "node:path";
import { findFreeOffset, type TakenPort } from "../ports/ports.ts";
import { type Exit, endedWell, exitInWords } from "../process/service-process.ts";
import { requiresAuth, type StackSettings, variablePrefix } from "../service/service-environment.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { readableLine } from "../terminal/service-line.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { firstCommands } from "./first-commands.ts";
import type { Stack, StackMember } from "./stack.ts";

type Shell = Readonly<Record<string, string | undefined>>;

/** Names each taken port, who has it, and the ways out. */
export async function takenPorts(
  terminal: Terminal,
  taken: readonly TakenPort[],
  { services, settings, shell }: { services: readonly ServiceDefinition[]; settings: StackSettings; shell: Shell },
): Promise<void> {
  const { colors } = terminal;
  for (const { service, port, owner } of taken) {
    const who = owner === undefined ? "another process" : `process ${owner.pid} (${owner.command})`;
    terminal.say(`${colors.red(`Port ${port} is taken`)}: ${service.name} needs it, and ${who} has it.`);
  }
  terminal.say();
  const pids = [...new Set(taken.map(({ owner }) => owner?.pid).filter((pid) => pid !== undefined))];
  if (pids.length > 0) {
    terminal.say(`  End ${pids.length === 1 ? "that process" : "those processes"}:   kill ${pids.join(" ")}`);
  }
  const offset = await findFreeOffset(services, shell.HOST ?? "127.0.0.1");
  if (offset !== undefined) {
    // Another folder too: two stacks must not share databases.
    const data = `${shownPath(settings.dataFolder)}-${offset}`;
    terminal.say(`  Or use other ports:   npx parley up --port-offset ${offset} --data ${data}`);
  }
  terminal.say("Nothing was started.");
}

/** Says that a DATABASE_URL for all services is not used, and what is. */
export function ignoredDatabaseUrl(terminal: Terminal, services: readonly ServiceDefinition[]): void {
  const names = services
    .filter((service) => service.database)
    .map(({ name }) => `${variablePrefix(name)}_DATABASE_URL`);
  terminal.say(
    terminal.colors.yellow(
      `DATABASE_URL is set, and not used: each service has a database of its own. ${names.join(", ")} would move them.`,
    ),
  );
}

/** Addresses, and what to try first. */
export async function addresses(
  terminal: Terminal,
  stack: Stack,
  { settings, shell }: { readonly settings: StackSettings; readonly shell: Shell },
): Promise<void> {
  const { colors } = terminal;
  const rows = await Promise.all(
    stack.members.map(async ({ service, url, healthy }) => {
      const seconds = ((await healthy) / 1_000).toFixed(2);
      return [service.name, url, service.contracts.join(", "), `ready in ${seconds} s`];
    }),
  );
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  terminal.say();
  terminal.say(`  ${colors.bold(colors.green("Parley is up."))} ${where(stack, settings)}`);
  terminal.say();
  for (const [name = "", url = "", contracts = "", ready = ""] of rows) {
    const cells = [
      colors.bold(name.padEnd(widths[0] ?? 0)),
      colors.cyan(url.padEnd(widths[1] ?? 0)),
      contracts.padEnd(widths[2] ?? 0),
      colors.dim(ready),
    ];
    terminal.say(`  ${cells.join("   ")}`);
  }
  for (const { purpose, command } of firstCommands(stack.members, { signIn: requiresAuth(shell) })) {
    terminal.say();
    terminal.say(`  ${purpose}`);
    terminal.say(`    ${command}`);
  }
  if (requiresAuth(shell) && !shell.ADMIN_EMAIL) {
    terminal.say();
    terminal.say("  Nobody is an admin: ADMIN_EMAIL and ADMIN_PASSWORD, set at a start, make one.");
  }
  terminal.say();
}

function where(stack: Stack, settings: StackSettings): string {
  const inFolder = stack.members.some(({ service }) => service.database);
  return `${inFolder ? `Data is in ${shownPath(settings.dataFolder)}. ` : ""}Ctrl-C stops it.`;
}

/** A service ended before the stack stood. */
export function endedAtStart(terminal: Terminal, member: StackMember, exit: Exit): void {
  ended(terminal, member, exit);
  terminal.say("The stack never stood, so the other services are stopped too.");
}

/** A service ended after the stack stood. */
export function endedByItself(
  terminal: Terminal,
  member: StackMember,
  exit: Exit,
  { running, settings }: { readonly running: readonly StackMember[]; readonly settings: StackSettings },
): void {
  const { name } = member.service;
  ended(terminal, member, exit);
  if (running.length === 0) {
    return;
  }
  const callers = running.filter(({ service }) => service.calls.includes(name)).map(({ service }) => service.name);
  const rest = running.map(({ service }) => service.name).join(", ");
  terminal.say(
    `${rest} ${running.length === 1 ? "goes" : "go"} on. ${
      callers.length === 0 ? "" : `What ${callers.join(" and ")} asks of ${name} fails as UNAVAILABLE. `
    }Nothing is restarted by itself; in another terminal:`,
  );
  const offset = settings.portOffset === 0 ? "" : ` --port-offset ${settings.portOffset}`;
  terminal.say(`  npx parley up --only ${name} --data ${shownPath(settings.dataFolder)}${offset}`);
}

/** Names the services that were asked to end and did not end well. */
export function unclean(terminal: Terminal, asked: readonly StackMember[]): void {
  for (const { service, process } of asked) {
    if (process.exit !== undefined && !endedWell(process.exit)) {
      terminal.say(
        terminal.colors.red(`${service.name} ${exitInWords(process.exit)}: not all that was begun was finished.`),
      );
    }
  }
}

function ended(terminal: Terminal, { service, process }: StackMember, exit: Exit): void {
  const { colors } = terminal;
  terminal.say(
    colors.red(`${service.name} ${exitInWords(exit)}.${process.lastLines.length > 0 ? " Its last lines:" : ""}`),
  );
  for (const line of process.lastLines) {
    terminal.say(`  ${readableLine(line, colors)}`);
  }
}

/** Services ran, but never said that they were healthy. */
export function neverHealthy(terminal: Terminal, names: readonly string[], afterMs: number): void {
  terminal.say(
    terminal.colors.red(
      `${names.join(", ")} did not become healthy within ${afterMs / 1_000} s. What was logged stands above; ` +
        "--log-level debug shows more. All services are stopped.",
    ),
  );
}

/** A path as a person would type it from here. */
function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === "" ? "." : fromHere.startsWith("..") ? path : `./${fromHere}`;
}
