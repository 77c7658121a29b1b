import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command, Option } from "commander";
import { exitCodes } from "../outcome/exit-codes.ts";
import { ensureServiceKeys, type ServiceKeys, UnusableKeyError } from "../service/service-keys.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";

interface Options {
  readonly folder: string;
  readonly kubernetes?: true;
  readonly fromEnvironment?: string;
}

/** `parley keys`: generates the keys for authentication between services, for deployments that `parley up` does not start. */
export function keysCommand(services: readonly ServiceDefinition[]): Command {
  return new Command("keys")
    .description("Generates missing keys for authentication between services.")
    .option("--folder <folder>", "where the key files are", "./keys")
    .option("--kubernetes", "print them as a ConfigMap and Secrets, for `kubectl apply -f -`")
    .addOption(
      new Option(
        "--from-environment <service>",
        "write the files of one service from the variables SERVICE_KEYS and SERVICE_KEY instead of generating keys",
      ).conflicts("kubernetes"),
    )
    .action(async ({ folder, kubernetes, fromEnvironment }: Options) => {
      if (fromEnvironment !== undefined) {
        process.exitCode = await writeFromEnvironment(folder, fromEnvironment);
        return;
      }
      try {
        const keys = await ensureServiceKeys(services, { folder });
        process.stdout.write(kubernetes ? await manifests(keys) : `The keys are in ${folder}.\n`);
      } catch (error) {
        if (!(error instanceof UnusableKeyError)) {
          throw error;
        }
        process.stderr.write(`${error.message}\n`);
        process.exitCode = exitCodes.invalid;
      }
    });
}

/** Some platforms provide secrets only as variables, but services read them from files. */
async function writeFromEnvironment(folder: string, service: string): Promise<number> {
  const { SERVICE_KEYS, SERVICE_KEY } = process.env;
  if (SERVICE_KEYS === undefined) {
    process.stderr.write(
      "SERVICE_KEYS is not set. Set it to the content of services.json, which `parley keys` writes.\n",
    );
    return exitCodes.invalid;
  }
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "services.json"), SERVICE_KEYS);
  if (SERVICE_KEY !== undefined) {
    const file = join(folder, `${service}.json`);
    await writeFile(file, SERVICE_KEY, { mode: 0o600 });
    await chmod(file, 0o600);
  }
  return exitCodes.ok;
}

/** JSON is valid YAML: each file is one quoted string. */
async function manifests({ publicFile, privateFiles }: ServiceKeys): Promise<string> {
  const parts = [
    `apiVersion: v1
kind: ConfigMap
metadata:
  name: parley-service-keys
data:
  services.json: ${JSON.stringify(await readFile(publicFile, "utf8"))}
`,
  ];
  for (const [name, file] of privateFiles) {
    parts.push(`apiVersion: v1
kind: Secret
metadata:
  name: ${name}-key
stringData:
  ${name}.json: ${JSON.stringify(await readFile(file, "utf8"))}
`);
  }
  return parts.join("---\n");
}
