/** What a package may import of the platform, by the names that follow `@parley/`. */
export interface PackageRule {
  readonly platform: readonly string[];
  /** If set, the only packages of others, as beginnings of their names. */
  readonly others?: readonly string[];
  /** If set, the only contracts of `@parley/gen`, as beginnings of their paths. Tests may use any. */
  readonly contracts?: readonly string[];
  /** Whether what it imports of the platform is built into it, so that its package.json need not name it. */
  readonly bundled?: true;
}

/** The packages that every service may import. */
const foundations = ["gen", "contract", "rpc", "store", "events"];

/**
 * What a service may import. A package is a service if its package.json declares processes (`parley.processes`) and
 * {@link packageRules} has no rule of its own for it. Every service has the same rooms, and none imports another.
 */
export const serviceRule: PackageRule = { platform: foundations };

/** `gen → http2, contract, store → rpc, rest → events → services → gateway, cli`, without the services: each imports only from its left. */
export const packageRules: Readonly<Record<string, PackageRule>> = {
  gen: { platform: [] },
  http2: { platform: [] },
  contract: { platform: ["gen"], contracts: ["rpc/", "google/", "buf/"] },
  // The runtime imports the standard contracts and no business contract.
  rpc: {
    platform: ["gen", "http2", "contract"],
    contracts: ["rpc/", "google/", "grpc/", "health/", "buf/", "opentelemetry/"],
  },
  store: { platform: ["gen"] },
  rest: { platform: ["gen", "contract"], contracts: ["rpc/", "google/", "buf/"] },
  events: { platform: ["gen", "rpc", "store"] },
  gateway: { platform: [...foundations, "rest", "console"] },
  cli: { platform: [...foundations, "rest", "console"] },
  // These run in other people's projects and in browsers.
  client: { platform: ["gen"], others: ["@connectrpc/", "@bufbuild/"], bundled: true },
  // Its page runs in browsers, and what builds the page in Node.
  console: { platform: ["gen", "contract", "client"] },
};

/** What only a service's edge imports: the domain and the store know nothing of how they are called. */
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

/** The files of a service that are its edge. The names are the same in every service. */
export const edgeFiles =
  /(^|\/)(main|index|settings|error-answers|[\w-]+-(main|service|module|server|client|clients))\.ts$/;

/** Files of services that call other services: an edge too, outward instead of inward. Each with what it is for. */
export const outwardFiles: Readonly<Record<string, string>> = {
  "packages/order/src/saga/buyers.ts": "asks the user service",
  "packages/order/src/saga/stock.ts": "asks the product service",
  "packages/order/src/saga/saga-call.ts": "the options of the calls that settle an order",
  "packages/user/src/sign-in/access-token.ts": "signs what callers show to every service",
  "packages/user/src/sign-in/signing-keys.ts": "publishes what every service checks it with",
  "packages/order/src/saga/dependency-failure.ts": "what a failed call to another service means for the caller",
};

/**
 * The order of the folders inside a package, from the bottom up. A folder imports from the steps below its own and from
 * itself; folders of one step do not import each other. `""` is the folder's own files. Tests are free.
 */
export const folderOrder: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "packages/rpc/src": [
    ["protocol", "environment"],
    ["call"],
    ["telemetry"],
    ["access"],
    ["client"],
    ["server"],
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

/** The files that every service has, with its name in place of `<name>`. */
export const serviceRooms: readonly string[] = [
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

/** Services without some of them, each with its reason. */
export const servicesWithOtherRooms: Readonly<Record<string, string>> = {
  echo: "the smallest pair of services: two entry points, no store, no refusals of its own",
};

/** The most files a folder may have besides tests before it needs a room inside. */
export const folderFilesMax = 15;

/** Folders with more, and why that is right. */
export const largeFolders: Readonly<Record<string, string>> = {};

/** The most lines, without comments and empty lines, that a file may have before it must be asked what its second concept is. */
export const fileLinesMax = 300;

/** The same for a test: one suite over one thing reads better whole. */
export const testLinesMax = 400;

/** Files that are longer, and why that is right. */
export const longFiles: Readonly<Record<string, string>> = {
  "test/console/console.browser.ts": "one browser and one stack for all views, which start slowly",
  "packages/events/src/broker/broker.test.ts": "one suite over every broker",
};
