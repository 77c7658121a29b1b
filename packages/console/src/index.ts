export { type BuiltPage, type PageFile, readBuiltPage } from "./built-page.ts";
export { isConsoleBuilt } from "./source-hash.ts";
