import type { DataFolderInUseError, StackRecord } from "../data/folder-claim.ts";
import type { Finding } from "../doctor/finding.ts";
import { type PortUse, portUseInWords } from "../ports/port-use.ts";
import type { TakenPort } from "../ports/ports.ts";
import { killCommand, waysToFreePorts } from "../ports/ways-out.ts";
import { type Exit, endedWell, exitInWords } from "../process/service-process.ts";
import { tableLines } from "../render/table.ts";
import { requiresAuth, type StackSettings, variablePrefix } from "../service/service-environment.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { partOf, shownPath, startCommand } from "../service/start-command.ts";
import { readableLine } from "../terminal/service-line.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { consoleProcess } from "./build-console.ts";
import { firstCommands } from "./first-commands.ts";
import type { ServiceEndedError, Stack, StackMember } from "./stack.ts";

type Shell = Readonly<Record<string, string | undefined>>;

/** Reports wrong settings: no service starts with them. */
export function mistakes(terminal: Terminal, findings: readonly Finding[]): void {
  for (const { text, remedy } of findings) {
    terminal.say(`${terminal.colors.red("error:")} ${text}${remedy === undefined ? "" : `. ${remedy}`}`);
  }
  terminal.say("Nothing was started.");
}

/** Reports each port in use, its process, and how to free it. */
export async function takenPorts(
  terminal: Terminal,
  taken: readonly TakenPort[],
  { services, settings, shell }: { services: readonly ServiceDefinition[]; settings: StackSettings; shell: Shell },
): Promise<void> {
  const { colors } = terminal;
  for (const { service, port, code, use } of taken) {
    terminal.say(
      code === "EADDRINUSE"
        ? `${colors.red(`Port ${port} is taken`)}: ${service.name} needs it, and ${portUseInWords(use)}.`
        : `${colors.red(`${service.name} cannot listen on ${shell.HOST ?? "127.0.0.1"}:${port}`)}: ${code}. Check HOST and --port-offset.`,
    );
  }
  terminal.say();
  for (const line of await waysToFreePorts(taken, { services, settings, shell })) {
    terminal.say(`  ${line}`);
  }
  terminal.say("Nothing was started.");
}

/** Reports that the data folder belongs to another stack. */
export function dataFolderInUse(
  terminal: Terminal,
  { message, owner }: DataFolderInUseError,
  { services, settings, fresh }: { services: readonly ServiceDefinition[]; settings: StackSettings; fresh: boolean },
): void {
  terminal.say(terminal.colors.red(message));
  terminal.say();
  if (owner !== undefined) {
    terminal.say(`  End that process:        ${killCommand([owner.pid])}`);
  }
  const beside = { ...settings, ...partOf(services, settings.services), dataFolder: `${settings.dataFolder}-2` };
  terminal.say(`  Or use another folder:   ${startCommand(beside)}`);
  terminal.say(`${fresh ? "Nothing was removed, and nothing" : "Nothing"} was started.`);
}

/** Reports that a DATABASE_URL for all services is not used, and names the variables that are. */
export function ignoredDatabaseUrl(terminal: Terminal, services: readonly ServiceDefinition[]): void {
  const names = services
    .filter((service) => service.database)
    .map(({ name }) => `${variablePrefix(name)}_DATABASE_URL`);
  terminal.say(
    terminal.colors.yellow(
      `DATABASE_URL is set but not used, because each service has its own database. Use ${names.join(", ")}.`,
    ),
  );
}

/** Prints addresses, and first commands to try. */
export async function addresses(
  terminal: Terminal,
  stack: Stack,
  { settings, shell }: { readonly settings: StackSettings; readonly shell: Shell },
): Promise<void> {
  const { colors } = terminal;
  const rows = await Promise.all(
    stack.members.map(async (member) => {
      const { service, url } = member;
      const seconds = ((await member.healthy) / 1_000).toFixed(2);
      const admin = member.process.adminPort === undefined ? "" : `:${member.process.adminPort}`;
      return [service.name, url, admin, service.contracts.join(", "), `ready in ${seconds} s`];
    }),
  );
  const hasAdminPorts = rows.some(([, , admin]) => admin !== "");
  terminal.say();
  terminal.say(`  ${colors.bold(colors.green("Parley is up."))} ${where(stack, settings)}`);
  terminal.say();
  const titles = ["service", "address", "metrics", "contracts", "start"];
  const isShown = (index: number) => hasAdminPorts || titles[index] !== "metrics";
  const columns = titles.filter((_, index) => isShown(index)).map((title) => ({ title }));
  const cells = rows.map((row) => row.filter((_, index) => isShown(index)));
  for (const line of tableLines(columns, cells, { colors, widthMax: terminal.width - indentation.length })) {
    terminal.say(`${indentation}${line}`.trimEnd());
  }
  const gateway = stack.members.find(({ service }) => service.name === consoleProcess);
  if (gateway !== undefined) {
    terminal.say();
    terminal.say(`  See the shop, its calls and its failures in a browser`);
    terminal.say(`    ${gateway.url.replace("127.0.0.1", "localhost")}`);
  }
  for (const { purpose, command } of firstCommands(stack.members, { signIn: requiresAuth(shell) })) {
    terminal.say();
    terminal.say(`  ${purpose}`);
    terminal.say(`    ${command}`);
  }
  if (!requiresAuth(shell)) {
    terminal.say();
    terminal.say(
      "  Sign-in is off (AUTH=off): anyone who can reach these ports can call every method. AUTH=required turns it on.",
    );
  }
  if (requiresAuth(shell) && !shell.ADMIN_EMAIL) {
    terminal.say();
    terminal.say("  There is no admin. Start with ADMIN_EMAIL and ADMIN_PASSWORD to create one.");
  }
  terminal.say();
}

const indentation = "  ";

function where(stack: Stack, settings: StackSettings): string {
  const inFolder = stack.members.some(({ service }) => service.database);
  return `${inFolder ? `Data is in ${shownPath(settings.dataFolder)}. ` : ""}Ctrl-C stops it.`;
}

/** Reports a service that exited before startup was complete. */
export function endedAtStart(terminal: Terminal, { member, exit }: ServiceEndedError, use: PortUse | undefined): void {
  ended(terminal, member, exit);
  if (use !== undefined) {
    terminal.say(`Port ${member.port} is in use: ${portUseInWords(use)}.`);
  }
  terminal.say(`Startup failed: ${member.service.name} ${exitInWords(exit)}. Stopping the other services.`);
}

interface EndedOptions {
  readonly running: readonly StackMember[];
  readonly settings: StackSettings;
  /** Whether the next change of a source starts it again. */
  readonly watch: boolean;
}

/** Reports a service that exited after startup. */
export function endedByItself(
  terminal: Terminal,
  member: StackMember,
  exit: Exit,
  { running, settings, watch }: EndedOptions,
): void {
  const { name } = member.service;
  ended(terminal, member, exit);
  if (running.length === 0 || watch) {
    return;
  }
  const callers = running.filter(({ service }) => service.calls.includes(name)).map(({ service }) => service.name);
  const rest = running.map(({ service }) => service.name).join(", ");
  terminal.say(
    `${rest} ${running.length === 1 ? "continues" : "continue"}. ${
      callers.length === 0 ? "" : `Calls from ${callers.join(" and ")} to ${name} fail with UNAVAILABLE. `
    }To restart it, type in another terminal:`,
  );
  terminal.say(`  ${startCommand({ ...settings, only: [name] })}`);
}

/** Reports the services that did not end cleanly on request. */
export function unclean(terminal: Terminal, asked: readonly StackMember[]): void {
  for (const { service, process } of asked) {
    if (process.exit !== undefined && !endedWell(process.exit)) {
      terminal.say(terminal.colors.red(`${service.name} ${exitInWords(process.exit)}: calls were cut off.`));
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

/** Reports services that never became healthy. */
export function neverHealthy(terminal: Terminal, names: readonly string[], afterMs: number): void {
  terminal.say(
    terminal.colors.red(
      `${names.join(", ")} did not become healthy within ${afterMs / 1_000} s. See the log above; ` +
        "--log-level debug shows more. All services are stopped.",
    ),
  );
}

/** Reports that a service starts again, since its port was in use without a listener. */
export function startsAgain(terminal: Terminal, name: string, port: number): void {
  terminal.say(terminal.colors.yellow(`Port ${port} was in use for a moment: restarting ${name}.`));
}

/** Reports that the stack of a restarted service has ended. */
export function stackEnded(terminal: Terminal, { pid }: StackRecord): void {
  terminal.say(`The stack of this service (process ${pid}) has ended. Stopping.`);
}
