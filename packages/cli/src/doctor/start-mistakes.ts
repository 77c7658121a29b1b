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
 * What is wrong with the settings and the data folder of services that are to start: the same that `parley doctor` finds. Nothing
 * can start with them, so that `parley up` says so before it starts anything.
 */
export async function startMistakes(
  services: readonly ServiceDefinition[],
  { shell, dataFolder }: StartMistakesOptions,
): Promise<readonly Finding[]> {
  const findings = [
    ...(await checkSettings(services, shell)),
    ...(services.some(({ database }) => database) ? await checkDataFolder(dataFolder) : []),
  ];
  // A disk that is nearly full is worth a warning by doctor; a service can start on it.
  return findings.filter((finding) => isBad(finding) && finding.hinders !== false);
}
