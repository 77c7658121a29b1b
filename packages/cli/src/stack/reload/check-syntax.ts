import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

/** A file that Node could not load. */
export interface SyntaxMistake {
  readonly path: string;
  /** Counted from 1; 0 if it is not known. */
  readonly line: number;
  readonly message: string;
}

/** The most files that are checked at once: a checkout of another branch changes hundreds. The processes report errors in others. */
const filesMax = 500;
/** Longer than a check takes on a busy machine, in milliseconds. */
const checkMaxMs = 30_000;

const program = fileURLToPath(new URL("check-syntax-main.ts", import.meta.url));

/** The TypeScript files among these that have a syntax error, or syntax whose types Node cannot strip. Missing files are ignored. */
export function syntaxMistakes(paths: readonly string[]): Promise<readonly SyntaxMistake[]> {
  const files = paths.filter((path) => path.endsWith(".ts")).slice(0, filesMax);
  if (files.length === 0) {
    return Promise.resolve([]);
  }
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ["--no-warnings", program, ...files], { timeout: checkMaxMs }, (error, output) => {
      if (error === null) {
        resolve(
          output
            .split("\n")
            .filter(Boolean)
            .map((line) => JSON.parse(line) as SyntaxMistake),
        );
      } else {
        reject(error);
      }
    });
  });
}
