import { fileURLToPath } from "node:url";

export { type BuiltPage, type PageFile, readBuiltPage } from "./built-page.ts";
export { isConsoleBuilt } from "./source-hash.ts";

/** The program that bundles the page where its sources have changed. A process of its own: the bundler takes 100 MB while it works. */
export const buildProgram = fileURLToPath(new URL("./build-main.ts", import.meta.url));
