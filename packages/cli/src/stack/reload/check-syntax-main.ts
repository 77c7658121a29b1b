// Prints the first syntax error of each file of the command line, as one JSON document per line. Runs in a separate process, because Node
// prints a warning that its parser is experimental.
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";

for (const path of process.argv.slice(2)) {
  try {
    stripTypeScriptTypes(readFileSync(path, "utf8"));
  } catch (error) {
    const { message, stack = "", code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT") {
      // The stack begins with the line's number.
      console.log(JSON.stringify({ path, line: Number(/^:(\d+)/.exec(stack)?.[1] ?? 0), message }));
    }
  }
}
