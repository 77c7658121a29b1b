// The part of `npm run test:topology` that runs inside of the front's namespace: `inside.ts FOLDER namespaces|loopback [--short]`.

import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { openCertificateAuthority } from "./certificates.ts";
import { createChecks } from "./checks.ts";
import { createNamespaces, loopbackNetwork } from "./network.ts";
import { type Platform, startPlatform } from "./platform.ts";
import { scenario } from "./scenario.ts";

const run = promisify(execFile);
const [folder = "", kind, ...options] = process.argv.slice(2);
let platform: Platform | undefined;

// As process 1 of its namespaces this process ends all others with itself.
process.once("disconnect", () => process.exit(1));
process.channel?.unref();
for (const signal of ["SIGINT", "SIGTERM", "message"] as const) {
  process.once(signal as "SIGINT", () => {
    console.log("Interrupted: everything is stopped.");
    void (platform?.stop() ?? Promise.resolve()).finally(() => process.exit(130));
  });
}

const checks = createChecks();
try {
  const network = kind === "namespaces" ? await createNamespaces() : loopbackNetwork();
  if (network.kind === "namespaces") {
    // Every program here asks the topology's DNS server.
    const resolvers = join(folder, "resolv.conf");
    await writeFile(resolvers, `nameserver ${network.front}\n`);
    await run("mount", ["--bind", resolvers, "/etc/resolv.conf"]);
  }
  const programs = JSON.parse(await readFile(join(folder, "programs.json"), "utf8"));
  const authority = openCertificateAuthority(folder);
  platform = await startPlatform({ network, programs, folder, authority });
  await scenario(platform, { checks, isShort: options.includes("--short") });
} catch (error) {
  await checks.check("the topology runs", () => Promise.reject(error));
} finally {
  if (checks.hasFailed() && platform !== undefined) {
    console.log(`The proxy's last errors:\n${await platform.proxy.lastErrors()}`);
  }
  await platform?.stop();
}
process.exit(checks.finish());
