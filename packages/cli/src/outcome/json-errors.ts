/** A failure as `--json` prints it to the error output, with the names of google.rpc.ErrorInfo, BadRequest and RetryInfo. */
export interface FailureJson {
  readonly error: {
    /** The gRPC status, for example `NOT_FOUND`. `INVALID_ARGUMENT` for a command that is wrong. */
    readonly code: string;
    readonly message: string;
    readonly reason?: string;
    readonly metadata?: Readonly<Record<string, string>>;
    /** `flag` is what gave the field on the command line, where one did. */
    readonly fieldViolations?: readonly { field: string; flag?: string; description: string }[];
    readonly retryDelayMs?: number;
    /** The call's trace, for `parley trace`. */
    readonly traceId?: string;
  };
}

/** A command that is wrong, as JSON. */
export function mistakeJson(message: string): FailureJson {
  return { error: { code: "INVALID_ARGUMENT", message } };
}

/** Whether errors are to be JSON: for what fails before a command has read its options. */
export function wantsJson(args: readonly string[] = process.argv.slice(2)): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).includes("--json");
}
