import type { FolderClaim } from "../../data/folder-claim.ts";
import { type StackSettings, serviceEnvironment } from "../../service/service-environment.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import type { Stack } from "../stack.ts";
import { FaultRules } from "./fault-rules.ts";
import { ProcessControl } from "./process-control.ts";
import type { StackLog } from "./stack-log.ts";

/** Starts and stops the processes of a stack, for the console, the command line and `--watch`: one operation at a time for each process. */
export interface StackControl {
  readonly control: ProcessControl;
  readonly faults: FaultRules;
}

export function stackControl(stack: Stack, claim: FolderClaim): StackControl {
  const faults = new FaultRules({ send: (name, rules) => find(stack, name)?.process.injectFaults(rules) });
  return { faults, control: new ProcessControl({ stack, faults, claim: (name) => claim.reclaim(name) }) };
}

export interface ControlOptions extends StackControl {
  readonly log: StackLog;
  readonly claim: FolderClaim;
  readonly settings: StackSettings;
  readonly shell: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
}

/** Lets the console and the command line control the stack's processes. Returns a function that ends it. If it fails, the stack runs without it. */
export async function controlStack(stack: Stack, options: ControlOptions): Promise<() => Promise<void>> {
  const { control, faults, log, claim, settings, shell, terminal } = options;
  if (claim.restartedFor !== undefined) {
    // The stack of these services has its own control server.
    return async () => {};
  }
  const databaseOf = (name: string) => {
    const member = find(stack, name);
    const url = member === undefined ? undefined : serviceEnvironment(member.service, settings, shell).DATABASE_URL;
    return url?.split(":")[0] ?? "";
  };
  try {
    // Imported after the start, so that the services start sooner.
    const { startStackServer } = await import("./stack-server.ts");
    return await startStackServer({ control, faults, log, databaseOf, dataFolder: settings.dataFolder });
  } catch (error) {
    terminal.say(
      `parley ps, stop, fault and the console cannot reach this stack: ${error instanceof Error ? error.message : error}`,
    );
    return async () => {};
  }
}

function find(stack: Stack, name: string) {
  return stack.members.find(({ service }) => service.name === name);
}
