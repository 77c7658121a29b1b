// `npm run pack`: the packages for other projects, in dist/packages, and their tarballs in dist/tarballs or the folder given.
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { root, runCommand } from "../run-command.ts";
import { stagePackages } from "./stage.ts";

const { values } = parseArgs({
  options: {
    destination: { type: "string", default: join(root, "dist/tarballs") },
    // Where the packages are staged: another folder lets two runs go on at once.
    stage: { type: "string", default: join(root, "dist/packages") },
  },
});
const destination = resolve(values.destination);
mkdirSync(destination, { recursive: true });
for (const folder of await stagePackages(resolve(values.stage))) {
  const { code, output } = await runCommand("npm", ["pack", "--silent", "--pack-destination", destination], folder);
  if (code !== 0) {
    throw new Error(`npm pack in ${folder} failed:\n${output}`);
  }
  console.log(join(destination, output.trim()));
}
