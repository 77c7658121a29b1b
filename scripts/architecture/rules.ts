/** The imports that a package may use. Platform packages are named without `@parley/`. */
export interface PackageRule {
  readonly platform: readonly string[];
  /** If set, the only third-party packages that it may import, as name prefixes. */
  readonly others?: readonly string[];
  /** If set, the only contracts of `@parley/gen` that it may import, as path prefixes. Tests may import any. */
  readonly contracts?: readonly string[];
  /** Whether its platform imports are bundled into it, so that its package.json need not declare them. */
  readonly bundled?: true;
}

/** The packages that every service may import. */
const foundations = ["gen", "contract", "rpc", "store", "events"];

/**
 * The imports that a service may use. A package is a service if its package.json declares processes (`parley.processes`) and
 * {@link packageRules} has no rule for it. Every service has the same files, and no service imports another.
 */
export const serviceRule: PackageRule = { platform: foundations };

/**
 * `gen → http2, contract, store → rpc, rest → events → services → gateway, cli`. A package imports only from its left. Services
 * are not listed here.
 */
export const packageRules: Readonly<Record<string, PackageRule>> = {
  gen: { platform: [] },
  http2: { platform: [] },
  contract: { platform: ["gen"], contracts: ["rpc/", "google/", "buf/"] },
  // The runtime imports the standard contracts and no business contracts.
  rpc: {
    platform: ["gen", "http2", "contract"],
    contracts: ["rpc/", "google/", "grpc/", "health/", "buf/", "opentelemetry/"],
  },
  store: { platform: ["gen"] },
  rest: { platform: ["gen", "contract"], contracts: ["rpc/", "google/", "buf/"] },
  events: { platform: ["gen", "rpc", "store"] },
  gateway: { platform: [...foundations, "rest", "console"] },
  cli: { platform: [...foundations, "rest", "console"] },
  // These run in other projects and in browsers.
  client: { platform: ["gen"], others: ["@connectrpc/", "@bufbuild/"], bundled: true },
  // The page runs in browsers; its build runs in Node.
  console: { platform: ["gen", "contract", "client"] },
};

/** Packages that only a service's edge may import. The domain and the store do not depend on the RPC framework. */
export const frameworks: readonly string[] = [
  "@connectrpc/",
  "@parley/rpc/server",
  "@parley/rpc/client",
  "@parley/rpc/internal",
  "fastify",
  "@fastify/",
  "prom-client",
  "envalid",
  "jose",
];

/** The edge files of a service. Their names are the same in every service. */
export const edgeFiles =
  /(^|\/)(main|index|settings|error-answers|[\w-]+-(main|service|module|server|client|clients))\.ts$/;

/** Files that call other services: the outbound edge. Each with its purpose. */
export const outwardFiles: Readonly<Record<string, string>> = {
  "packages/order/src/saga/buyers.ts": "calls the user service",
  "packages/order/src/saga/stock.ts": "calls the product service",
  "packages/order/src/saga/saga-call.ts": "the options of the calls that settle an order",
  "packages/user/src/sign-in/access-token.ts": "signs the access tokens that callers send to every service",
  "packages/user/src/sign-in/signing-keys.ts": "publishes the keys with which every service verifies them",
  "packages/order/src/saga/dependency-failure.ts": "what a failed call to another service means for the caller",
};

/**
 * The order of the folders inside a package, from the bottom up. A folder imports from itself and from lower steps. Folders of
 * the same step do not import each other. `""` is the folder's own files. Tests are exempt.
 */
export const folderOrder: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "packages/rpc/src": [
    ["protocol", "environment"],
    ["call"],
    ["telemetry"],
    ["access"],
    ["client"],
    ["server"],
    ["opentelemetry"],
    ["testing", ""],
  ],
  "packages/rpc/src/client": [["call"], ["connection"], ["wire"], ["policy"], ["batch"], [""]],
  "packages/rpc/src/server": [
    ["http"],
    ["config"],
    ["admission", "buffers"],
    ["pipeline"],
    ["wire"],
    ["unary", "streams", "standard"],
    ["in-process"],
    ["listening"],
    [""],
  ],
};

/** The files that every service has, with the service's name in place of `<name>`. */
export const serviceFiles: readonly string[] = [
  "index.ts",
  "main.ts",
  "<name>-module.ts",
  "<name>-service.ts",
  "<name>-messages.ts",
  "<name>-errors.ts",
  "<name>-store.ts",
  "error-answers.ts",
  "migrations/index.ts",
];

/** Services that lack some of these files, each with the reason. */
export const servicesWithOtherFiles: Readonly<Record<string, string>> = {
  echo: "the smallest pair of services: two entry points, no store, no refusals of its own",
};

/** The maximum number of files in a folder, without tests. */
export const folderFilesMax = 15;

/** Folders above this limit, each with the reason. */
export const largeFolders: Readonly<Record<string, string>> = {};

/** The maximum number of lines of a file, without comments and empty lines. */
export const fileLinesMax = 300;

/** The same limit for a test file. It is higher because one suite over one subject reads better in one file. */
export const testLinesMax = 400;

/** Files above these limits, each with the reason. */
export const longFiles: Readonly<Record<string, string>> = {
  "test/console/console.browser.ts": "one browser and one stack for all views, which start slowly",
  "packages/events/src/broker/broker.test.ts": "one suite over every broker",
};
