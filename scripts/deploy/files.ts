import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { composeDebugFile, composeFile } from "./compose.ts";
import { deployedServices } from "./deployment.ts";
import { ecsTemplate } from "./ecs.ts";
import { kubernetesBase } from "./kubernetes.ts";
import { prometheusForCompose } from "./prometheus.ts";

/** Generates the deployment files that name every service, from the service list in `gen`. Keys are paths in the repository. */
export async function deploymentFiles(gen: string): Promise<ReadonlyMap<string, string>> {
  const services = await deployedServices(join(gen, "services.js"));
  const files = new Map([
    ["compose.yaml", composeFile(services)],
    ["compose.debug.yaml", composeDebugFile(services)],
    ["deploy/ecs/parley.yaml", ecsTemplate(services)],
    ["deploy/prometheus/compose.yml", prometheusForCompose(services)],
  ]);
  for (const [name, text] of kubernetesBase(services)) {
    files.set(`deploy/kubernetes/base/${name}`, text);
  }
  return files;
}

/** The files that are out of date. */
export async function staleDeploymentFiles(root: string, gen: string): Promise<ReadonlyMap<string, string>> {
  const stale = new Map<string, string>();
  for (const [path, text] of await deploymentFiles(gen)) {
    const kept = await readFile(join(root, path), "utf8").catch(() => undefined);
    if (kept !== text) {
      stale.set(path, text);
    }
  }
  return stale;
}

/** Writes the files that are out of date, and returns their paths. */
export async function writeDeploymentFiles(root: string, gen: string): Promise<readonly string[]> {
  const stale = await staleDeploymentFiles(root, gen);
  for (const [path, text] of stale) {
    await writeFile(join(root, path), text);
  }
  return [...stale.keys()];
}
