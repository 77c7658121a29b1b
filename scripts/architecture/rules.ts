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

/** What stands under every service and may be used by each. */
const foundations = ["gen", "rpc", "store", "events"];

/** The packages that are services: each has the same rooms, and none imports another. */
export const servicePackages: readonly string[] = ["user", "product", "order", "notification", "echo"];

/** `gen → rpc, store, rest → events → services → gateway, cli`: each imports only from its left, and no service. */
export const packageRules: Readonly<Record<string, PackageRule>> = {
  gen: { platform: [] },
  // The runtime knows what every service speaks, and no business.
  rpc: { platform: ["gen"], contracts: ["rpc/", "google/", "grpc/", "health/", "buf/"] },
  store: { platform: ["gen"] },
  rest: { platform: ["gen"], contracts: ["rpc/", "google/", "buf/"] },
  events: { platform: ["gen", "rpc", "store"] },
  ...Object.fromEntries(servicePackages.map((name) => [name, { platform: foundations }])),
  gateway: { platform: [...foundations, "rest"] },
  cli: { platform: [...foundations, "rest"] },
  // These run in other people's projects and in browsers.
  client: { platform: ["gen"], others: ["@connectrpc/", "@bufbuild/"], bundled: true },
  console: { platform: ["gen"], others: ["@connectrpc/", "@bufbuild/"], bundled: true },
};

/** What only a service's edge imports: the domain and the store know nothing of how they are called. */
export const frameworks: readonly string[] = [
  "@connectrpc/",
  "@parley/rpc/server",
  "@parley/rpc/client",
  "fastify",
  "@fastify/",
  "prom-client",
  "envalid",
  "jose",
];

/** The files of a service that are its edge. The names are the same in every service. */
export const edgeFiles =
  /(^|\/)(main|index|settings|[\w-]+-(main|service|module|server|client|clients|edge|error-answer))\.ts$/;

/** Files of services that call other services: an edge too, outward instead of inward. Each with what it is for. */
export const outwardFiles: Readonly<Record<string, string>> = {
  "packages/order/src/buyers.ts": "asks the user service",
  "packages/order/src/stock.ts": "asks the product service",
  "packages/order/src/saga-call.ts": "the options of the calls that settle an order",
  "packages/user/src/access-token.ts": "signs what callers show to every service",
  "packages/user/src/signing-keys.ts": "publishes what every service checks it with",
  "packages/order/src/dependency-failure.ts": "what a failed call to another service means for the caller",
};

/** The most lines a file may have before somebody must ask what the second concept in it is. */
export const fileLinesMax = 300;

/** The same for a test: one suite over one thing reads better whole. */
export const testLinesMax = 400;

/** Files that are longer, and why that is right. */
export const longFiles: Readonly<Record<string, string>> = {};
