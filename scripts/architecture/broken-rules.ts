import { packageOf } from "./imports.ts";
import { edgeFiles, frameworks, outwardFiles, packageRules, serviceRule } from "./rules.ts";
import type { Violation } from "./violation.ts";

/** A source file of the repository. */
export interface SourceFile {
  /** Relative to the repository's root, with `/`. */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
}

interface Import {
  /** As written in the source. */
  readonly specifier: string;
  /** The target of a relative import, relative to the repository's root. */
  readonly target?: string;
}

/** The fields of a package.json that the rules use. */
export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly parley?: { readonly processes?: readonly unknown[] };
}

export interface Home {
  /** The package's folder name. Undefined for files that belong to the whole repository. */
  readonly packageName: string | undefined;
  /** Its folder, relative to the repository's root. */
  readonly folder: string;
  readonly manifest: Manifest;
  readonly topManifest: Manifest;
  /** The packages that are services. */
  readonly services: ReadonlySet<string>;
}

/** The rules that a module's imports break. */
export function brokenRules(file: SourceFile, home: Home): readonly Violation[] {
  return file.imports.flatMap((imported) => {
    const problem =
      imported.target === undefined
        ? (brokenByName(file, imported.specifier, home) ?? brokenByManifest(file, imported.specifier, home))
        : brokenByPath(imported.target, home);
    return problem === undefined ? [] : [{ file: file.path, problem: `${problem} ("${imported.specifier}")` }];
  });
}

/** A relative import stays inside its package. Files outside packages import packages by name. */
function brokenByPath(target: string, { packageName, folder }: Home): string | undefined {
  if (packageName !== undefined) {
    return target.startsWith(`${folder}/`) ? undefined : "reaches out of its package by a relative path";
  }
  return /^(packages|gen)\//.test(target) ? "reaches into a package by a relative path; import it by name" : undefined;
}

function brokenByName({ path }: SourceFile, specifier: string, { packageName, services }: Home): string | undefined {
  if (packageName === undefined) {
    return undefined;
  }
  const rule = packageRules[packageName] ?? (services.has(packageName) ? serviceRule : undefined);
  if (rule === undefined) {
    return `is in packages/${packageName}, which has no rule in scripts/architecture/rules.ts`;
  }
  const imported = packageOf(specifier);
  const platformName = imported.startsWith("@parley/") ? imported.slice("@parley/".length) : undefined;
  if (platformName !== undefined && platformName !== packageName && !rule.platform.includes(platformName)) {
    return services.has(platformName)
      ? `${packageName} imports the service ${platformName}; it may only call it`
      : `${packageName} may not import ${platformName}`;
  }
  if (isTest(path)) {
    return undefined;
  }
  if (platformName === "gen" && rule.contracts !== undefined) {
    const contract = specifier.slice("@parley/gen/".length);
    if (!rule.contracts.some((beginning) => contract.startsWith(beginning))) {
      return `${packageName} may not import a business contract`;
    }
  }
  if (rule.others !== undefined && platformName === undefined && !beginsWithOne(specifier, rule.others)) {
    return `${packageName} may import nothing but ${rule.others.join("*, ")}* and @parley/gen`;
  }
  if (services.has(packageName) && beginsWithOne(specifier, frameworks) && !isEdge(path)) {
    return "is not the service's edge, and imports a framework";
  }
  return undefined;
}

/** The package.json declares what its modules import. Tests may also import the root's development dependencies. */
function brokenByManifest({ path }: SourceFile, specifier: string, home: Home): string | undefined {
  const imported = packageOf(specifier);
  if (specifier.startsWith("node:") || imported === `@parley/${home.packageName}`) {
    return undefined;
  }
  const top = home.packageName === undefined;
  const declared = {
    ...home.manifest.dependencies,
    ...home.manifest.peerDependencies,
    ...home.manifest.optionalDependencies,
    ...(top || isTest(path) ? { ...home.manifest.devDependencies, ...home.topManifest.devDependencies } : {}),
  };
  // npm links every workspace at the root, and bundled packages contain the contracts that they import.
  const linked = imported.startsWith("@parley/") && (top || packageRules[home.packageName ?? ""]?.bundled === true);
  return imported in declared || linked ? undefined : `imports ${imported}, which its package.json does not name`;
}

/** Tests, test fixtures and build scripts: every file that is not part of the runtime code. */
export function isTest(path: string): boolean {
  return /\.(test|bench)\.tsx?$|-fixture\.ts$|\/testing\//.test(path) || !/^packages\/[^/]+\/src\//.test(path);
}

function isEdge(path: string): boolean {
  return edgeFiles.test(path) || path in outwardFiles;
}

function beginsWithOne(specifier: string, beginnings: readonly string[]): boolean {
  return beginnings.some(
    (beginning) => specifier === beginning || specifier.startsWith(beginning.replace(/([^/])$/, "$1/")),
  );
}
