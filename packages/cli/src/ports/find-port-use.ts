import type { PortUse } from "./port-use.ts";
import { useByLsof } from "./use-by-lsof.ts";
import { useOnLinux } from "./use-on-linux.ts";
import { useOnWindows } from "./use-on-windows.ts";

/** The longest command line shown, in characters. */
const commandLengthMax = 100;

/** Finds the user of a TCP port of this machine. Never fails: the result may be `unknown`. */
export async function findPortUse(port: number, platform: NodeJS.Platform = process.platform): Promise<PortUse> {
  const find = platform === "linux" ? useOnLinux : platform === "win32" ? useOnWindows : useByLsof;
  const { kind, owner } = await find(port);
  return owner === undefined ? { kind } : { kind, owner: { ...owner, command: shortened(owner.command) } };
}

function shortened(command: string): string {
  if (command.length <= commandLengthMax) {
    return command;
  }
  // The program's name is at the beginning, and its script usually at the end.
  const endLength = Math.floor(commandLengthMax * 0.6);
  return `${command.slice(0, commandLengthMax - endLength - 1)}…${command.slice(-endLength)}`;
}
