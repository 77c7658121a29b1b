import { execFileSync, spawn } from "node:child_process";
import { Resolver } from "node:dns/promises";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { eventually } from "../processes/eventually.ts";
import { freePort } from "../processes/free-port.ts";

/** A dnsmasq with records that change. */
export interface DnsProgram {
  /** `host:port`. */
  readonly address: string;
  /** Sets the addresses of a name, with a TTL in seconds. */
  publish(name: string, addresses: readonly string[]): void;
  /** Sets the SRV records of a name. */
  publishService(name: string, target: string, ports: readonly number[]): Promise<void>;
  stop(): Promise<void>;
}

/** The path of dnsmasq, which Debian installs outside a user's PATH. Undefined if it is not installed. */
export function findDnsmasq(): string | undefined {
  const path = [process.env.PATH, "/usr/sbin", "/usr/local/sbin"].join(delimiter);
  try {
    return execFileSync("sh", ["-c", "command -v dnsmasq"], { env: { PATH: path }, encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

/** The TTL of the records, in seconds. */
export const ttlSeconds = 1;

/** The longest wait for the first answer, in milliseconds. */
const startMaxMs = 20_000;

async function untilItAnswers(address: string): Promise<void> {
  const resolver = new Resolver({ timeout: 250, tries: 1 });
  resolver.setServers([address]);
  const answers = () =>
    resolver.resolve4("parley.test").then(
      () => true,
      ({ code }: NodeJS.ErrnoException) => code !== "ETIMEOUT" && code !== "ECONNREFUSED",
    );
  if (!(await eventually(answers, Boolean, startMaxMs))) {
    throw new Error(`dnsmasq at ${address} does not answer`);
  }
}

export interface DnsOptions {
  /** The address that it listens on. Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: a free port. */
  readonly port?: number;
}

export async function startDnsmasq(command: string, options: DnsOptions = {}): Promise<DnsProgram> {
  const { host = "127.0.0.1", port = await freePort() } = options;
  const folder = mkdtempSync(join(tmpdir(), "parley-dnsmasq-"));
  const hosts = join(folder, "hosts");
  const names = new Map<string, readonly string[]>();
  const services = new Map<string, { readonly target: string; readonly ports: readonly number[] }>();
  const write = () => {
    // Replaced as a whole: a file that dnsmasq reads half written would make names unknown.
    const draft = `${hosts}.new`;
    const lines = [...names].flatMap(([name, addresses]) => addresses.map((each) => `${each} ${name}\n`));
    writeFileSync(draft, lines.join(""));
    renameSync(draft, hosts);
  };
  write();
  const start = () => {
    const records = [...services].flatMap(([name, { target, ports }]) =>
      ports.map((each) => `--srv-host=${name},${target},${each}`),
    );
    return spawn(
      command,
      [
        ...["--keep-in-foreground", "--no-resolv", "--no-hosts", `--addn-hosts=${hosts}`, `--local-ttl=${ttlSeconds}`],
        ...[`--listen-address=${host}`, "--bind-interfaces", `--port=${port}`, "--conf-file=/dev/null", "--pid-file"],
        // Answers for names without a record of the asked type are empty, and not refused.
        ...["--local=/test/", "--local=/internal/", "--local=/example.com/", "--user=", ...records],
      ],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
  };
  let child = start();
  // Before it has read its configuration, SIGHUP ends it.
  await untilItAnswers(`${host}:${port}`);
  const ended = () =>
    new Promise<void>((resolve) =>
      child.exitCode === null && child.signalCode === null ? child.once("exit", () => resolve()) : resolve(),
    );
  return {
    address: `${host}:${port}`,
    publish(name, addresses) {
      names.set(name, addresses);
      write();
      child.kill("SIGHUP");
    },
    async publishService(name, target, ports) {
      // dnsmasq reads SRV records only at its start.
      services.set(name, { target, ports });
      child.kill("SIGTERM");
      await ended();
      child = start();
    },
    async stop() {
      child.kill("SIGTERM");
      await ended();
      rmSync(folder, { recursive: true });
    },
  };
}
