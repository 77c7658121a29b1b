import { Code } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";

/** Every code that an error can have. */
export const codes: readonly Code[] = Object.values(Code).filter((value): value is Code => typeof value === "number");

const names: readonly (string | undefined)[] = table((code) => codeToString(code));
const codesByName: ReadonlyMap<string, Code> = new Map(codes.map((code) => [codeToString(code), code]));

/** Connect's name of a code, for example `deadline_exceeded`. */
export function codeName(code: Code): string {
  return names[code] ?? "unknown";
}

/** The code with Connect's name; undefined if there is none. */
export function codeFromName(name: string): Code | undefined {
  return codesByName.get(name);
}

/** The code of a `grpc-status`; undefined if it is invalid, `"ok"` for 0. */
export function codeFromGrpcStatus(status: string): Code | "ok" | undefined {
  if (status === "0") {
    return "ok";
  }
  const code = /^[1-9]\d?$/.test(status) ? Number(status) : 0;
  return names[code] === undefined ? undefined : code;
}

/** The HTTP status of a Connect unary error (Connect protocol, "Error codes"). */
export function httpStatusFromCode(code: Code): number {
  return httpStatuses[code] ?? 500;
}

/** The code of a Connect response without a readable error (Connect protocol, "HTTP to error code"). */
export function codeFromHttpStatus(httpStatus: number): Code {
  switch (httpStatus) {
    case 400:
      return Code.Internal;
    case 401:
      return Code.Unauthenticated;
    case 403:
      return Code.PermissionDenied;
    case 404:
      return Code.Unimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return Code.Unavailable;
    default:
      return Code.Unknown;
  }
}

const httpStatuses: readonly (number | undefined)[] = table((code) => {
  switch (code) {
    case Code.Canceled:
      return 499;
    case Code.InvalidArgument:
    case Code.FailedPrecondition:
    case Code.OutOfRange:
      return 400;
    case Code.Unauthenticated:
      return 401;
    case Code.PermissionDenied:
      return 403;
    case Code.NotFound:
      return 404;
    case Code.AlreadyExists:
    case Code.Aborted:
      return 409;
    case Code.ResourceExhausted:
      return 429;
    case Code.Unimplemented:
      return 501;
    case Code.Unavailable:
      return 503;
    case Code.DeadlineExceeded:
      return 504;
    default:
      return 500;
  }
});

function table<T>(value: (code: Code) => T): (T | undefined)[] {
  const entries: (T | undefined)[] = [];
  for (const code of codes) {
    entries[code] = value(code);
  }
  return entries;
}
