/** The command, a setting or a file that they name is wrong: nothing was called. Ends with exit code 2, and its message alone is shown. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}
