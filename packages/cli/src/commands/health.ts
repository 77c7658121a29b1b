import { Command } from "commander";
import { exitCodes } from "../outcome/exit-codes.ts";
import { askHealth } from "../process/health.ts";
import { reachableHost } from "../service/service-environment.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";

/** Less than the 3 s that probes usually allow. */
const answerMsDefault = 2_000;

/** `parley health`: the probe of a container, which needs neither a shell nor curl. */
export function healthCommand(services: readonly ServiceDefinition[]): Command {
  return new Command("health")
    .description("Checks the health of the service on ADMIN_PORT or PORT, as the probe of a container.")
    .argument("[service]", "the service whose default port is used if neither variable is set")
    .option("--timeout-ms <ms>", "the maximum time for the response", Number, answerMsDefault)
    .addHelpText("after", "\nExit codes:\n  0  SERVING\n  1  NOT_SERVING, or no response\n  2  the port is unknown")
    .action(async (name: string | undefined, { timeoutMs }: { readonly timeoutMs: number }, command: Command) => {
      const url = healthUrl(process.env, services.find((service) => service.name === name)?.port);
      if (url === undefined) {
        command.error("error: Set ADMIN_PORT or PORT, or name a service, for example `parley health order`.");
      } else {
        const { healthy, answer } = await askHealth(url, { timeoutMs });
        process.stdout.write(`${answer}\n`);
        process.exitCode = healthy ? exitCodes.ok : exitCodes.other;
      }
    });
}

/** The admin port uses clear text and requires no token. Undefined if no port is known. */
export function healthUrl(variables: NodeJS.ProcessEnv, defaultPort?: number): string | undefined {
  const { ADMIN_PORT: adminPort, ADMIN_HOST: adminHost, PORT: port, HOST: host, TLS_CERT_FILE: cert } = variables;
  if (Number(adminPort) > 0) {
    return `http://${reachableHost(adminHost)}:${adminPort}`;
  }
  const own = Number(port) > 0 ? Number(port) : defaultPort;
  return own === undefined ? undefined : `${cert ? "https" : "http"}://${reachableHost(host)}:${own}`;
}
