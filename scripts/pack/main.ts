// `npm run pack`: builds the packages for other projects in dist/packages, their tarballs in dist/tarballs, and the platform for
// production in dist/parley. `-- platform` or `-- packages` builds only one of the two.
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { root, runCommand } from "../run-command.ts";
import { stagePlatform } from "./platform.ts";
import { stagePackages } from "./stage.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    destination: { type: "string", default: join(root, "dist/tarballs") },
    // Separate staging folders allow two concurrent runs.
    stage: { type: "string", default: join(root, "dist/packages") },
    platform: { type: "string", default: join(root, "dist/parley") },
    // The Node executable for the platform's bin/parley: an absolute path.
    node: { type: "string" },
  },
});
const kinds = positionals.length === 0 ? ["packages", "platform"] : positionals;
const unknown = kinds.find((kind) => kind !== "packages" && kind !== "platform");
if (unknown !== undefined) {
  throw new Error(`npm run pack takes packages or platform, not ${unknown}`);
}
if (kinds.includes("packages")) {
  await packPackages();
}
if (kinds.includes("platform")) {
  const folder = resolve(values.platform);
  await stagePlatform(folder, values.node === undefined ? {} : { node: values.node });
  console.log(folder);
}

async function packPackages(): Promise<void> {
  const destination = resolve(values.destination);
  mkdirSync(destination, { recursive: true });
  for (const folder of await stagePackages(resolve(values.stage))) {
    const { code, output } = await runCommand("npm", ["pack", "--silent", "--pack-destination", destination], folder);
    if (code !== 0) {
      throw new Error(`npm pack in ${folder} failed:\n${output}`);
    }
    console.log(join(destination, output.trim()));
  }
}
