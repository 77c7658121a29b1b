import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A command with its arguments. */
export type CommandLine = readonly [command: string, ...args: string[]];

/** A machine of the topology. */
export interface Host {
  readonly name: string;
  /** One address for each replica of a service that may run on it. */
  readonly addresses: readonly string[];
  /** The command line that runs another one on this host. */
  on(commandLine: CommandLine): CommandLine;
  /** Unplugs it from the network, or plugs it in. Only where {@link Network.kind} is `namespaces`. */
  link(state: "down" | "up"): Promise<void>;
}

/** Two hosts, and the front with the proxy, the DNS and the databases, where this process runs too. */
export interface Network {
  readonly kind: "namespaces" | "loopback";
  /** The front's address. */
  readonly front: string;
  /** The network of the front's address, for `TRUST_PROXY`. */
  readonly frontNetwork: string;
  readonly hosts: readonly [Host, Host];
}

const addressesOfHost = 2;

/**
 * Puts two hosts with network namespaces of their own on a bridge in this process's namespace, which has to be its own
 * (`own-namespaces.ts`). Nothing has to be removed: the namespaces end with their last process.
 */
export async function createNamespaces(): Promise<Network> {
  await run("ip", ["link", "set", "lo", "up"]);
  await run("ip", ["link", "add", "front", "type", "bridge"]);
  await run("ip", ["address", "add", "10.88.0.1/16", "dev", "front"]);
  await run("ip", ["link", "set", "front", "up"]);
  return {
    kind: "namespaces",
    front: "10.88.0.1",
    frontNetwork: "10.88.0.1/32",
    hosts: [await createHost("a", 1), await createHost("b", 2)],
  };
}

async function createHost(name: string, number: number): Promise<Host> {
  // A process keeps the namespace. `setsid --fork` detaches it, and it ends with this process's PID namespace.
  const { stdout } = await run("unshare", ["--net", "sh", "-c", "sleep infinity >/dev/null 2>&1 & echo $!"]);
  const keeper = stdout.trim();
  const inside = ["nsenter", `--net=/proc/${keeper}/ns/net`] as const;
  const inHost = (...args: string[]) => run(inside[0], [inside[1], "ip", ...args]);
  const cable = `to-${name}`;
  const addresses = Array.from({ length: addressesOfHost }, (_, index) => `10.88.${number}.${index + 1}`);
  await run("ip", ["link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", keeper]);
  await run("ip", ["link", "set", cable, "master", "front", "up"]);
  await inHost("link", "set", "lo", "up");
  for (const address of addresses) {
    await inHost("address", "add", `${address}/16`, "dev", "eth0");
  }
  await inHost("link", "set", "eth0", "up");
  return {
    name,
    addresses,
    on: (commandLine) => [...inside, ...commandLine],
    async link(state) {
      await run("ip", ["link", "set", cable, state]);
    },
  };
}

/** The same with loopback addresses, which only Linux has all of. A host cannot be unplugged; its processes can be stopped. */
export function loopbackNetwork(): Network {
  const host = (name: string, number: number): Host => ({
    name,
    addresses: Array.from({ length: addressesOfHost }, (_, index) => `127.88.${number}.${index + 1}`),
    on: (commandLine) => commandLine,
    link: async () => {
      throw new Error("a loopback address has no link");
    },
  });
  return {
    kind: "loopback",
    front: "127.88.0.1",
    frontNetwork: "127.0.0.0/8",
    hosts: [host("a", 1), host("b", 2)],
  };
}
