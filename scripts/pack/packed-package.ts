import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../run-command.ts";

/** A package of this workspace that is packed for other projects. */
export interface PackedPackage {
  /** Its folder in packages/. */
  readonly folder: string;
  /** The entry points that the workspace alone has: `exports` of package.json without which it is packed. */
  readonly internalExports: readonly string[];
  /** Where its imports of generated contracts (`@parley/gen/*`) lead once it is packed. */
  readonly contracts: ContractSource;
  /** Generated contracts that it holds besides those that the packed packages import, as paths in gen/. */
  readonly furtherContracts: readonly string[];
}

/** `own`: copied into the package's `dist/gen`. `published`: copied there, and exported. `@parley/contract`: imported from that package. */
export type ContractSource = "own" | "published" | "@parley/contract";

/** The packed packages, each after those that it depends on. */
export const packedPackages: readonly PackedPackage[] = [
  { folder: "http2", internalExports: [], contracts: "own", furtherContracts: [] },
  {
    folder: "contract",
    // It runs the buf CLI of this workspace.
    internalExports: ["./testing"],
    contracts: "published",
    furtherContracts: ["rpc/v1/options_pb.js", "rpc/v1/batch_pb.js", "health/v1/health_pb.js"],
  },
  { folder: "rpc", internalExports: ["./internal"], contracts: "@parley/contract", furtherContracts: [] },
  { folder: "rest", internalExports: [], contracts: "@parley/contract", furtherContracts: [] },
  { folder: "client", internalExports: [], contracts: "own", furtherContracts: [] },
];

/** What is read of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly sideEffects?: boolean;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** The workspace's own package.json of a package. */
export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8"));
}

/** The entry points that the packed package has: export paths, and the source file of each. */
export function publicExports({ folder, internalExports }: PackedPackage): readonly (readonly [string, string])[] {
  return Object.entries(readManifest(folder).exports).filter(([path]) => !internalExports.includes(path));
}
