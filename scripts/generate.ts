// `npm run generate`: updates gen/ from proto/, removes stale files, and writes the deployment files that name every service.
import { fileURLToPath } from "node:url";
import { writeDeploymentFiles } from "./deploy/files.ts";
import { compareGenerated, generateInto, writeGenerated } from "./generated-code.ts";
import { root } from "./run-command.ts";
import { ContractNameError } from "./service-list/contract-services.ts";
import { ProcessDeclarationError } from "./service-list/processes.ts";
import { withTemporaryFolder } from "./temporary-folder.ts";

const gen = fileURLToPath(new URL("../gen", import.meta.url));

await withTemporaryFolder(async (folder) => {
  try {
    await generateInto(folder);
  } catch (error) {
    console.error(
      error instanceof ContractNameError || error instanceof ProcessDeclarationError ? error.message : error,
    );
    process.exitCode = 1;
    return;
  }
  const differences = await compareGenerated(folder, gen);
  await writeGenerated(folder, gen, differences);
  for (const { path, kind } of differences) {
    console.log(`${kind.padEnd(8)} gen/${path}`);
  }
  for (const path of await writeDeploymentFiles(root, gen)) {
    console.log(`written  ${path}`);
  }
  console.log(differences.length === 0 ? "gen/ was up to date." : `gen/: ${differences.length} files differed.`);
});
