import { Code, type ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, RetryInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { reasonOf, traceIdHeader } from "@parley/rpc";
import { dependencyUnavailable } from "@parley/rpc/client";
import { type Parameter, pathOf } from "../contract/parameters.ts";
import { printable } from "../render/printable.ts";
import type { Colors } from "../terminal/terminal.ts";

export interface FailureOptions {
  readonly colors: Colors;
  /** What the request was made from: a field that is to blame is named by its flag. */
  readonly parameters?: readonly Parameter[];
  /** The trace of the call. Default: the one that the answer names. */
  readonly traceId?: string | undefined;
}

/** A failed call in plain words, for the error output: what, why, which facts, which fields, and what helps. */
export function failureLines(
  error: ConnectError,
  { colors, parameters = [], ...options }: FailureOptions,
): readonly string[] {
  const reason = reasonOf(error);
  const [retry] = error.findDetails(RetryInfoSchema);
  const fields = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  const traceId = options.traceId ?? error.metadata.get(traceIdHeader) ?? undefined;
  const facts: [string, string][] = [
    ...(reason === undefined ? [] : [["reason", reason.reason] as [string, string]]),
    ...Object.entries(reason?.metadata ?? {}),
    ...fields.map(({ field, description }): [string, string] => [
      flagOf(field, parameters) ?? (field || "request"),
      description,
    ]),
    ...(retry?.retryDelay === undefined
      ? []
      : [["try again in", `${Number(retry.retryDelay.seconds) + retry.retryDelay.nanos / 1e9} s`] as [string, string]]),
    ...(traceId === undefined ? [] : [["trace", traceId] as [string, string]]),
  ];
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  const message = fields.length > 0 ? "the request is not valid" : error.rawMessage;
  return [
    `${colors.red("error:")} ${codeName(error.code)}: ${printable(message)}`,
    ...facts.map(([name, value]) => `  ${colors.dim(printable(name).padEnd(width))}  ${printable(value)}`),
    ...hint(error, reason?.reason),
  ];
}

/** `NOT_FOUND`, as the gRPC documentation writes it. */
export function codeName(code: Code): string {
  return (Code[code] ?? "UNKNOWN").replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

/** The flag that gave a field: `--item` for `items[0].quantity`. Undefined where none did. */
export function flagOf(field: string, parameters: readonly Parameter[]): string | undefined {
  const path = field.replaceAll(/\[\d+\]/g, "");
  const found = parameters.find((parameter) => path === pathOf(parameter) || path.startsWith(`${pathOf(parameter)}.`));
  return found === undefined ? undefined : `--${found.flag}`;
}

/** How to get past UNAUTHENTICATED. The password is asked for at the terminal. */
export const loginHint =
  "`npx parley user login --email <email>` gives an access token; --token or PARLEY_TOKEN sends it.";

function hint(error: ConnectError, reason: string | undefined): readonly string[] {
  if (error.code === Code.Unavailable && (reason === undefined || reason === dependencyUnavailable)) {
    return ["Is the stack running? `npx parley up` starts it; `npx parley doctor` says what is wrong."];
  }
  if (error.code === Code.Unauthenticated) {
    return [loginHint];
  }
  return [];
}
