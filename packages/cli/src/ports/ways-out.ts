import type { StackSettings } from "../service/service-environment.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { partOf, startCommand } from "../service/start-command.ts";
import { findFreeOffset, type TakenPort } from "./ports.ts";

export interface WaysOutOptions {
  /** The services that are to start. */
  readonly services: readonly ServiceDefinition[];
  readonly settings: Pick<StackSettings, "dataFolder" | "portOffset" | "services">;
  readonly shell: Readonly<Record<string, string | undefined>>;
}

/** The remedies for ports in use: end the listening processes, or use other ports. */
export async function waysToFreePorts(
  taken: readonly Pick<TakenPort, "use">[],
  { services, settings, shell }: WaysOutOptions,
): Promise<readonly string[]> {
  const pids = [
    ...new Set(
      taken
        .map(({ use }) => (use.kind === "listening" ? use.owner?.pid : undefined))
        .filter((pid) => pid !== undefined),
    ),
  ];
  const offset = await findFreeOffset(services, shell.HOST ?? "127.0.0.1");
  // Another folder too: two stacks must not share databases.
  const elsewhere = {
    ...partOf(services, settings.services),
    dataFolder: `${settings.dataFolder}-${offset}`,
    portOffset: offset ?? 0,
  };
  return [
    ...(pids.length > 0
      ? [`End ${pids.length === 1 ? "that process" : "those processes"}:   ${killCommand(pids)}`]
      : []),
    ...(offset === undefined ? [] : [`Or use other ports:   ${startCommand(elsewhere)}`]),
  ];
}

/** The command that ends processes. */
export function killCommand(pids: readonly number[], platform: NodeJS.Platform = process.platform): string {
  return platform === "win32" ? `taskkill ${pids.map((pid) => `/PID ${pid}`).join(" ")} /F` : `kill ${pids.join(" ")}`;
}
