// Made by `npm run generate` from proto/ and the package.json files of packages/. Never edited.

/** A service of the contracts. */
export interface ContractService {
  /** For example `order.v1.OrderService`. */
  readonly typeName: string;
  /** The process that serves it. */
  readonly process: string;
  /** The command of `parley` that offers its methods. */
  readonly commandGroup: string;
  /** The first sentence of its comment. */
  readonly description: string;
  /** Whether callers that are no services may call any of its methods. */
  readonly exposed: boolean;
}

/** A process of the platform, as its package.json declares it. */
export interface PlatformProcess {
  readonly name: string;
  /** The file that Node runs, from the repository's top, with `/`. */
  readonly main: string;
  /** The port where `--port-offset` is 0. */
  readonly port: number;
  /** The services that it serves, besides health and reflection. */
  readonly contracts: readonly string[];
  /** The processes that it calls. */
  readonly calls: readonly string[];
  /** Whether it keeps a database. */
  readonly database: boolean;
  /** Whether it serves a public contract, so that the gateway calls it. */
  readonly public: boolean;
  /** The environment variable that says where it is, for example `ECHO_A_SERVICE_URL`. */
  readonly urlVariable: string;
}

/** The processes that serve a public contract, by name. */
export type PublicProcessName = "notification" | "user" | "product" | "order" | "echo-a" | "echo-b";

/** The environment variables that say where these are. */
export type PublicProcessUrlVariable = "NOTIFICATION_SERVICE_URL" | "USER_SERVICE_URL" | "PRODUCT_SERVICE_URL" | "ORDER_SERVICE_URL" | "ECHO_A_SERVICE_URL" | "ECHO_B_SERVICE_URL";

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
  /** The domain of the reasons in errors (`google.rpc.ErrorInfo.domain`). */
  readonly reasonDomain: string;
  /** The page that describes the reasons, a section each. */
  readonly errorHelpUrl: string;
  /** Which process serves which contracts, on which port. */
  readonly directory: readonly Pick<PlatformProcess, "name" | "contracts" | "port">[];
};
