/** A failure as `--json` prints it on standard error, with the names of google.rpc.ErrorInfo, BadRequest and RetryInfo. */
export interface FailureJson {
  readonly error: {
    /** The gRPC status, for example `NOT_FOUND`. `INVALID_ARGUMENT` for a wrong command. */
    readonly code: string;
    readonly message: string;
    readonly reason?: string;
    readonly metadata?: Readonly<Record<string, string>>;
    /** `flag` is the field's flag on the command line, if any. */
    readonly fieldViolations?: readonly { field: string; flag?: string; description: string }[];
    /** The page that describes the reason. */
    readonly help?: string;
    readonly retryDelayMs?: number;
    /** The call's trace, for `parley trace`. */
    readonly traceId?: string;
  };
}

/** A wrong command, as JSON. */
export function mistakeJson(message: string): FailureJson {
  return { error: { code: "INVALID_ARGUMENT", message } };
}

/** Whether errors are printed as JSON: for failures before a command has read its options. */
export function wantsJson(args: readonly string[] = process.argv.slice(2)): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).includes("--json");
}
