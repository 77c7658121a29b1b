import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../run-command.ts";

/** A package of this workspace that is published for other projects. */
export interface PackedPackage {
  /** Its folder in packages/. */
  readonly folder: string;
  /** The workspace-internal entry points: `exports` of package.json that the packed package omits. */
  readonly internalExports: readonly string[];
  /** Where the packed package's imports of generated contracts (`@parley/gen/*`) resolve. */
  readonly contracts: ContractSource;
  /** Generated contracts that it contains in addition to those that the packed packages import, as paths in gen/. */
  readonly furtherContracts: readonly string[];
}

/** `own`: copied into the package's `dist/gen`. `published`: copied there and exported. `@parley/contract`: imported from that package. */
export type ContractSource = "own" | "published" | "@parley/contract";

/** The packed packages, each after its dependencies. */
export const packedPackages: readonly PackedPackage[] = [
  { folder: "http2", internalExports: [], contracts: "own", furtherContracts: [] },
  {
    folder: "contract",
    // This entry point runs the buf CLI of this workspace.
    internalExports: ["./testing"],
    contracts: "published",
    furtherContracts: ["rpc/v1/options_pb.js", "rpc/v1/batch_pb.js", "health/v1/health_pb.js"],
  },
  { folder: "rpc", internalExports: ["./internal"], contracts: "@parley/contract", furtherContracts: [] },
  { folder: "rest", internalExports: [], contracts: "@parley/contract", furtherContracts: [] },
  { folder: "client", internalExports: [], contracts: "own", furtherContracts: [] },
];

/** The fields of a package.json that packing reads. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly sideEffects?: boolean;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  /** Optional peer dependencies: only some entry points need them. */
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** Reads the workspace's package.json of a package. */
export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8"));
}

/** The entry points of the packed package: export paths, with the source file of each. */
export function publicExports({ folder, internalExports }: PackedPackage): readonly (readonly [string, string])[] {
  return Object.entries(readManifest(folder).exports).filter(([path]) => !internalExports.includes(path));
}
