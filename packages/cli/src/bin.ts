#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// The compile cache halves the start time. It must be enabled before the code is loaded.
enableCompileCache(fileURLToPath(new URL("../../../node_modules/.cache/parley/compile", import.meta.url)));
const [{ createProgram }, { services }, { exitWhenWritten, guardOutput }] = await Promise.all([
  import("./program.ts"),
  import("./service/service-registry.ts"),
  import("./terminal/output.ts"),
  import("./process/preload/refuse-self-connection.ts"),
]);

guardOutput();
try {
  await createProgram({ services }).parseAsync();
} catch (error) {
  const { tellFailure } = await import("./outcome/tell-failure.ts");
  process.exitCode = tellFailure(error);
}
// A connection with open streams would keep the process alive for a while.
exitWhenWritten();
