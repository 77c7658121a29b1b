/** A wrong command, setting or file; no call was made. Ends with exit code 2, and only its message is printed. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}
