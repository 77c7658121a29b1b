#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// What Node compiled once starts in half the time. It has to be said before the code is read.
enableCompileCache(fileURLToPath(new URL("../../../node_modules/.cache/parley/compile", import.meta.url)));
const [{ createProgram }, { services }] = await Promise.all([
  import("./program.ts"),
  import("./stack/service-registry.ts"),
]);

await createProgram({ services }).parseAsync();
