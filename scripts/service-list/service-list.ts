import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ContractService, type Contracts, readContracts } from "./contract-services.ts";
import { calleesFirst, type ProcessDeclaration, ProcessDeclarationError, readProcesses } from "./processes.ts";

/** The files that {@link writeServiceList} writes. */
export const serviceListFiles: ReadonlySet<string> = new Set(
  ["services", "public-contracts", "public-services"].flatMap((name) => [`${name}.js`, `${name}.d.ts`]),
);

export interface ServiceListOptions {
  /** The repository's root folder. */
  readonly root: string;
  /** A descriptor set of all contracts, with comments. */
  readonly descriptorSet: string;
  /** Whether a .proto file, named by its import path, is in proto/. */
  readonly isContract: (protoFile: string) => boolean;
}

/**
 * Generates the platform's service list from the contracts and the package.json files, into `folder`: the services and processes
 * without descriptors, for the CLI and the gateway's settings; the public contracts' code in one module, for the client; and the
 * public services' descriptors, for the client and the gateway.
 */
export async function writeServiceList(folder: string, options: ServiceListOptions): Promise<void> {
  const { root, descriptorSet, isContract } = options;
  const contracts = readContracts(await readFile(descriptorSet), isContract);
  const declared = await readProcesses(root);
  const services = inOrder(contracts.services, declared);
  const processes = calleesFirst(declared.map((process) => withContracts(process, { services, declared })));
  const offered = services.filter(({ exposed }) => exposed);
  const texts: Readonly<Record<string, string>> = {
    "services.js": servicesModule(services, processes, await readPlatform(root)),
    "services.d.ts": servicesTypes(processes),
    "public-contracts.js": publicContracts(contracts),
    "public-contracts.d.ts": publicContracts(contracts),
    "public-services.js": publicServices(offered),
    "public-services.d.ts": publicServicesTypes(offered),
  };
  await Promise.all(Object.entries(texts).map(([name, text]) => writeFile(join(folder, name), text)));
}

type ListedProcess = ReturnType<typeof withContracts>;

/** Ordered by their processes' ports. Within a process, the service with the process's name comes first. */
function inOrder(
  services: readonly ContractService[],
  processes: readonly ProcessDeclaration[],
): readonly ContractService[] {
  const place = ({ typeName, process, commandGroup }: ContractService) => {
    const index = processes.findIndex(({ name }) => name === process);
    if (index < 0) {
      throw new ProcessDeclarationError(
        `${typeName} is served by "${process}", which no package.json declares under "parley.processes".`,
      );
    }
    return index * 2 + (commandGroup === process ? 0 : 1);
  };
  return services.toSorted((one, other) => place(one) - place(other));
}

function withContracts(
  { name, main, port, calls, database }: ProcessDeclaration,
  {
    services,
    declared,
  }: { readonly services: readonly ContractService[]; readonly declared: readonly ProcessDeclaration[] },
) {
  const exposedBy = new Set(services.filter(({ exposed }) => exposed).map(({ process }) => process));
  return {
    name,
    main,
    port,
    contracts:
      calls === "public"
        ? ["REST and every public service"]
        : services.filter(({ process }) => process === name).map(({ typeName }) => typeName),
    calls: calls === "public" ? declared.map((other) => other.name).filter((other) => exposedBy.has(other)) : calls,
    database,
    public: exposedBy.has(name),
    urlVariable: `${name.toUpperCase().replaceAll("-", "_")}_SERVICE_URL`,
  };
}

const heading = "// Made by `npm run generate` from proto/ and the package.json files of packages/. Never edited.\n";

/** The platform's settings in the root's package.json, under `parley`. */
interface Platform {
  readonly reasonDomain: string;
  readonly errorHelpUrl: string;
}

async function readPlatform(root: string): Promise<Platform> {
  const { parley } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { readonly parley?: Platform };
  if (parley === undefined) {
    throw new ProcessDeclarationError('package.json has no "parley" with "reasonDomain" and "errorHelpUrl".');
  }
  return parley;
}

function servicesModule(
  services: readonly ContractService[],
  processes: readonly ListedProcess[],
  { reasonDomain, errorHelpUrl }: Platform,
): string {
  const listed = services.map(({ typeName, process, commandGroup, description, exposed }) => ({
    typeName,
    process,
    commandGroup,
    description,
    exposed,
  }));
  return `${heading}
export const services = ${JSON.stringify(listed, undefined, 2)};

export const processes = ${JSON.stringify(processes, undefined, 2)};

export const publicProcesses = processes.filter((process) => process.public);

export const platform = {
  reasonDomain: ${JSON.stringify(reasonDomain)},
  errorHelpUrl: ${JSON.stringify(errorHelpUrl)},
  directory: processes.map(({ name, contracts, port }) => ({ name, contracts, port })),
};
`;
}

function servicesTypes(processes: readonly ListedProcess[]): string {
  const offered = processes.filter((process) => process.public);
  const union = (words: readonly string[]) => words.map((word) => JSON.stringify(word)).join(" | ") || "never";
  return `${heading}
/** A service of the contracts. */
export interface ContractService {
  /** For example \`order.v1.OrderService\`. */
  readonly typeName: string;
  /** The process that serves it. */
  readonly process: string;
  /** The command of \`parley\` that offers its methods. */
  readonly commandGroup: string;
  /** The first sentence of its comment. */
  readonly description: string;
  /** Whether callers that are no services may call any of its methods. */
  readonly exposed: boolean;
}

/** A process of the platform, as its package.json declares it. */
export interface PlatformProcess {
  readonly name: string;
  /** The file that Node runs, from the repository's top, with \`/\`. */
  readonly main: string;
  /** The port where \`--port-offset\` is 0. */
  readonly port: number;
  /** The services that it serves, besides health and reflection. */
  readonly contracts: readonly string[];
  /** The processes that it calls. */
  readonly calls: readonly string[];
  /** Whether it keeps a database. */
  readonly database: boolean;
  /** Whether it serves a public contract, so that the gateway calls it. */
  readonly public: boolean;
  /** The environment variable that says where it is, for example \`ECHO_A_SERVICE_URL\`. */
  readonly urlVariable: string;
}

/** The processes that serve a public contract, by name. */
export type PublicProcessName = ${union(offered.map(({ name }) => name))};

/** The environment variables that say where these are. */
export type PublicProcessUrlVariable = ${union(offered.map(({ urlVariable }) => urlVariable))};

/** A process that serves a public contract. */
export interface PublicProcess extends PlatformProcess {
  readonly name: PublicProcessName;
  readonly urlVariable: PublicProcessUrlVariable;
}

/** Every service of proto/. */
export declare const services: readonly ContractService[];

/** Every process, callees before their callers. */
export declare const processes: readonly PlatformProcess[];

/** The processes that serve a public contract, callees before their callers. */
export declare const publicProcesses: readonly PublicProcess[];

/** What every service's module has in common. */
export declare const platform: {
  /** The domain of the reasons in errors (\`google.rpc.ErrorInfo.domain\`). */
  readonly reasonDomain: string;
  /** The page that describes the reasons, a section each. */
  readonly errorHelpUrl: string;
  /** Which process serves which contracts, on which port. */
  readonly directory: readonly Pick<PlatformProcess, "name" | "contracts" | "port">[];
};
`;
}

function publicContracts({ publicFiles }: Contracts): string {
  return `${heading}\n${publicFiles.map((file) => `export * from "./${file}";\n`).join("")}`;
}

function importsOf(services: readonly ContractService[]): string {
  return services.map(({ exportName, file }) => `import { ${exportName} } from "./${file}";\n`).join("");
}

function publicServices(services: readonly ContractService[]): string {
  const entries = services.map(({ clientProperty, exportName }) => `  ${clientProperty}: ${exportName},\n`).join("");
  return `${heading}\n${importsOf(services)}\nexport const publicServices = {\n${entries}};\n`;
}

function publicServicesTypes(services: readonly ContractService[]): string {
  const entries = services
    .map(({ clientProperty, exportName }) => `  readonly ${clientProperty}: typeof ${exportName};\n`)
    .join("");
  return `${heading}
${importsOf(services)}
/** The services that callers outside of the platform may call, by their property in \`ParleyClient\`. */
export declare const publicServices: {\n${entries}};
`;
}
