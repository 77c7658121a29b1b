import { Code } from "@connectrpc/connect";

/** The exit codes of `parley`, by kind of failure. */
export const exitCodes = {
  ok: 0,
  other: 1,
  invalid: 2,
  notFound: 3,
  refused: 4,
  notAllowed: 5,
  unavailable: 6,
  /** The shells' code for a program that Ctrl-C ended: 128 and the signal's number. */
  interrupted: 130,
} as const;

/** The exit code of a failed call. */
export function exitCodeOf(code: Code): number {
  switch (code) {
    case Code.InvalidArgument:
    case Code.OutOfRange:
      return exitCodes.invalid;
    case Code.NotFound:
      return exitCodes.notFound;
    case Code.FailedPrecondition:
    case Code.Aborted:
    case Code.AlreadyExists:
      return exitCodes.refused;
    case Code.Unauthenticated:
    case Code.PermissionDenied:
      return exitCodes.notAllowed;
    case Code.Unavailable:
    case Code.DeadlineExceeded:
    case Code.ResourceExhausted:
      return exitCodes.unavailable;
    case Code.Canceled:
      return exitCodes.interrupted;
    default:
      return exitCodes.other;
  }
}

/** For the help of commands that make calls. */
export const exitCodesInWords = `Exit codes:
  0  success
  1  any other failure
  2  the command or the request is invalid (INVALID_ARGUMENT, OUT_OF_RANGE)
  3  not found (NOT_FOUND)
  4  refused in the current state (FAILED_PRECONDITION, ABORTED, ALREADY_EXISTS)
  5  not signed in, or not permitted (UNAUTHENTICATED, PERMISSION_DENIED)
  6  unavailable now (UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED)`;
