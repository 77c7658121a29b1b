#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// What Node compiled once starts in half the time. It has to be said before the code is read.
enableCompileCache(fileURLToPath(new URL("../../../node_modules/.cache/parley/compile", import.meta.url)));
const [{ createProgram }, { services }] = await Promise.all([
  import("./program.ts"),
  import("./service/service-registry.ts"),
]);

// Whoever reads may stop, as `head` does: that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

await createProgram({ services }).parseAsync();
// All is said; a connection whose streams were left would keep the process for a while. What is written goes out first.
process.stdout.write("", () => process.exit());
