import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../scripts/run-command.ts";
import { freePort } from "../processes/free-port.ts";
import { type Program, program } from "../processes/program.ts";
import type { NameServer } from "./name-server.ts";
import type { Network } from "./network.ts";

/** The name of the shop in deploy/nginx/nginx.conf. */
export const shopName = "shop.example.com";

const errorLinesMax = 15;
/** A gateway that could not be reached: the call went to another. */
const askedAnother = /while connecting to upstream/;

/** The proxy in front, with the configuration that is shipped. */
export interface ReverseProxy {
  /** The shop's URL for callers. */
  readonly url: string;
  readonly port: number;
  readonly program: Program;
  /** The last lines of its error log that a caller could notice. */
  lastErrors(): Promise<string>;
}

export interface ProxyOptions {
  readonly network: Network;
  readonly names: NameServer;
  /** The path of nginx, at least 1.27.4. */
  readonly nginx: string;
  /** The folder for its files, with `tls/tls.crt` and `tls/tls.key`. */
  readonly folder: string;
}

/**
 * nginx with deploy/nginx/nginx.conf. Only places are replaced: the folder of the certificate, the DNS server, the folder of its log, and
 * the ports where 80 and 443 are not ours.
 */
export async function createProxy({ network, names, nginx, folder }: ProxyOptions): Promise<ReverseProxy> {
  const ownPorts = network.kind === "namespaces" ? undefined : { http: await freePort(), https: await freePort() };
  const places: readonly (readonly [from: string, to: string])[] = [
    ["/etc/nginx/tls/tls.crt", join(folder, "tls/tls.crt")],
    ["/etc/nginx/tls/tls.key", join(folder, "tls/tls.key")],
    ["resolver 127.0.0.1 ", `resolver ${names.resolver} `],
    ["/dev/stdout", join(folder, "access.log")],
    ["/dev/stderr", join(folder, "error.log")],
    ...(ownPorts === undefined
      ? []
      : ([
          ["listen 80;", `listen ${network.front}:${ownPorts.http};`],
          ["listen 443 ssl;", `listen ${network.front}:${ownPorts.https} ssl;`],
        ] as const)),
  ];
  let configuration = await readFile(join(root, "deploy/nginx/nginx.conf"), "utf8");
  for (const [from, to] of places) {
    if (!configuration.includes(from)) {
      throw new Error(`deploy/nginx/nginx.conf has no ${from}`);
    }
    configuration = configuration.replace(from, to);
  }
  await mkdir(join(folder, "logs"), { recursive: true });
  const file = join(folder, "nginx.conf");
  await writeFile(file, configuration);
  const port = ownPorts?.https ?? 443;
  const url = ownPorts === undefined ? `https://${shopName}` : `https://${network.front}:${port}`;
  const globals = `daemon off; pid ${join(folder, "nginx.pid")};`;
  return {
    url,
    port,
    program: program({
      name: "nginx",
      url,
      command: nginx,
      args: ["-p", folder, "-c", file, "-g", globals],
      // It knows the gateways once it has asked the DNS.
      isServing: () =>
        fetch(`${url}/health`).then(
          ({ ok }) => ok,
          () => false,
        ),
    }),
    async lastErrors() {
      const log = await readFile(join(folder, "error.log"), "utf8").catch(() => "");
      const lines = log.trim().split("\n");
      return lines
        .filter((line) => !askedAnother.test(line))
        .slice(-errorLinesMax)
        .join("\n");
    },
  };
}
