import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { composeDebugFile, composeFile } from "./compose.ts";
import { deployedServices } from "./deployment.ts";
import { ecsTemplate } from "./ecs.ts";
import { exampleEnv } from "./example-env.ts";
import { kubernetesBase } from "./kubernetes.ts";
import { kubernetesLocalServices } from "./kubernetes-local.ts";
import { prometheusForCompose, prometheusForMachine } from "./prometheus.ts";

/** Generates the deployment files that name every service, from the service list in `gen`. Keys are paths in the repository. */
export async function deploymentFiles(gen: string): Promise<ReadonlyMap<string, string>> {
  const services = await deployedServices(join(gen, "services.js"));
  const files = new Map([
    ["compose.yaml", composeFile(services)],
    ["compose.debug.yaml", composeDebugFile(services)],
    ["deploy/example.env", exampleEnv()],
    ["deploy/ecs/parley.yaml", ecsTemplate(services)],
    ["deploy/prometheus/compose.yml", prometheusForCompose(services)],
    ["deploy/prometheus/prometheus.yml", prometheusForMachine(services)],
  ]);
  for (const [name, text] of kubernetesBase(services)) {
    files.set(`deploy/kubernetes/base/${name}`, text);
  }
  for (const [name, text] of kubernetesLocalServices(services)) {
    files.set(`deploy/kubernetes/overlays/local/services/${name}`, text);
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
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return [...stale.keys()];
}
