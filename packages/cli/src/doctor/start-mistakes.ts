import type { ServiceDefinition } from "../service/service-registry.ts";
import { checkDataFolder } from "./data-folder.ts";
import { type Finding, isBad } from "./finding.ts";
import { checkSettings } from "./settings.ts";

export interface StartMistakesOptions {
  readonly shell: Readonly<Record<string, string | undefined>>;
  /** An absolute path. */
  readonly dataFolder: string;
}

/**
 * Mistakes in the settings and the data folder of services that are to start: the same that `parley doctor` finds. No service
 * can start with them, so `parley up` reports them first.
 */
export async function startMistakes(
  services: readonly ServiceDefinition[],
  { shell, dataFolder }: StartMistakesOptions,
): Promise<readonly Finding[]> {
  const findings = [
    ...(await checkSettings(services, shell)),
    ...(services.some(({ database }) => database) ? await checkDataFolder(dataFolder) : []),
  ];
  // A nearly full disk does not prevent a start.
  return findings.filter((finding) => isBad(finding) && finding.preventsStart !== false);
}
