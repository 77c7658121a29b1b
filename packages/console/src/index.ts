import { fileURLToPath } from "node:url";

export { type BuiltPage, type PageFile, readBuiltPage } from "./built-page.ts";
export { isConsoleBuilt, sourceFolders } from "./source-hash.ts";

/** The program that bundles the page if its sources have changed. It runs in its own process, because the bundler uses 100 MB. */
export const buildProgram = fileURLToPath(new URL("./build-main.ts", import.meta.url));
