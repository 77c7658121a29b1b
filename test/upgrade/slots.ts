import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type DeployedService, environmentOf } from "../../scripts/deploy/deployment.ts";
import { freePort } from "../processes/free-port.ts";
import { type Program, program } from "../processes/program.ts";
import { startPatiently } from "../topology/start-patiently.ts";

const endWithParent = fileURLToPath(new URL("../processes/end-with-parent.ts", import.meta.url));

/** The place of a replica: its address stays, and the release that runs there changes. */
export interface Slot {
  readonly service: DeployedService;
  readonly url: string;
  /** The process of the release that runs there now. */
  readonly program: Program;
  /** Stops what runs there, by SIGTERM, and starts the release in this folder. Returns the exit code. */
  replace(release: string): Promise<number | null>;
}

export interface SlotsOptions {
  readonly services: readonly DeployedService[];
  /** The folder with the sources of the first release. */
  readonly release: string;
  readonly keysFolder: string;
  readonly brokerUrl: string;
  readonly databaseUrl: (service: string) => Promise<string>;
  readonly admin: { readonly email: string; readonly password: string };
}

/** Two slots for each service, with the settings of the deployment files. Not started yet. */
export async function createSlots(options: SlotsOptions): Promise<readonly Slot[]> {
  const { services } = options;
  const places = new Map<string, readonly Place[]>();
  for (const { name } of services) {
    places.set(name, [await newPlace(), await newPlace()]);
  }
  return Promise.all(
    services.flatMap((service) =>
      (places.get(service.name) ?? []).map((place) => createSlot(service, place, { ...options, places })),
    ),
  );
}

interface Place {
  readonly port: number;
  readonly adminPort: number;
}

async function newPlace(): Promise<Place> {
  return { port: await freePort(), adminPort: await freePort() };
}

async function createSlot(
  service: DeployedService,
  { port, adminPort }: Place,
  options: SlotsOptions & { readonly places: ReadonlyMap<string, readonly Place[]> },
): Promise<Slot> {
  const { services, keysFolder, brokerUrl, admin, places } = options;
  const { name, main, database } = service;
  const target = (callee: DeployedService) => urls((places.get(callee.name) ?? []).map((place) => place.port));
  const env = {
    ...environmentOf(service, { services, keysFolder, target }),
    HOST: "127.0.0.1",
    PORT: String(port),
    ADMIN_HOST: "127.0.0.1",
    ADMIN_PORT: String(adminPort),
    ...(database
      ? {
          DATABASE_URL: await options.databaseUrl(name),
          BROKER_URL: brokerUrl,
          SAMPLE_DATA: name === "user" ? "off" : "on",
        }
      : {}),
    ...(name === "user"
      ? {
          SIGNING_KEY_SECRET: "of-the-test-and-long-enough-to-be-taken",
          ADMIN_EMAIL: admin.email,
          ADMIN_PASSWORD: admin.password,
        }
      : {}),
  };
  const processOf = (folder: string): Program =>
    program({
      name: `${name} on port ${port} of ${folder}`,
      url: urls([port]),
      command: process.execPath,
      args: ["--import", endWithParent, join(folder, main)],
      env,
      isServing: async (output) => output.includes('"msg":"serving"'),
      endsWithParent: true,
    });
  let current = processOf(options.release);
  return {
    service,
    url: urls([port]),
    get program() {
      return current;
    },
    async replace(release) {
      current.signal("SIGTERM");
      const code = await current.ended();
      current = processOf(release);
      await startPatiently(current);
      return code;
    },
  };
}

/** A target of several addresses. */
export function urls(ports: readonly number[]): string {
  return ports.map((port) => `http://127.0.0.1:${port}`).join(",");
}
