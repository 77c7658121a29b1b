import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { createFileRegistry, type DescService, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const root = join(import.meta.dirname, "../../../..");
const fixturePath = "packages/contract/src/testing/fixture";

/** The compiler that generates gen/, over one more folder. */
const config = { version: "v2", modules: [{ path: fixturePath }, { path: "standard" }] };

/** Compiles a contract of this folder, with its comments. */
export function compileFixture(name: string): FileRegistry {
  const args = ["build", ".", "--config", JSON.stringify(config), "--path", `${fixturePath}/${name}.proto`];
  const result = spawnSync(join(root, "node_modules/.bin/buf"), [...args, "--as-file-descriptor-set", "-o", "-"], {
    cwd: root,
    maxBuffer: 16 * 1024 * 1024,
  });
  if (result.status !== 0) {
    throw new Error(`buf cannot compile ${name}.proto: ${result.stderr}`);
  }
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, result.stdout));
}

let library: DescService | undefined;

/** The service of the fixture that uses every feature. Compiled once. */
export function libraryService(): DescService {
  library ??= compileLibrary();
  return library;
}

function compileLibrary(): DescService {
  const service = compileFixture("library").getService("library.v1.LibraryService");
  if (service === undefined) {
    throw new Error("library.proto has no LibraryService");
  }
  return service;
}
