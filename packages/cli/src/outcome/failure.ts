import { Code, type ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, HelpSchema, RetryInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { reasonOf, traceIdHeader } from "@parley/rpc";
import { dependencyUnavailable } from "@parley/rpc/client";
import { namedOnCommandLine, type Parameter, pathOf } from "../contract/parameters.ts";
import { printable } from "../render/printable.ts";
import type { Colors } from "../terminal/terminal.ts";

export interface FailureOptions {
  readonly colors: Colors;
  /** The request's parameters: a wrong field is named by its flag. */
  readonly parameters?: readonly Parameter[];
  /** The trace of the call. Default: the response's. */
  readonly traceId?: string | undefined;
}

/** The text of a failed call, for standard error: message, reason, metadata, fields, and a hint. */
export function failureLines(
  error: ConnectError,
  { colors, parameters = [], ...options }: FailureOptions,
): readonly string[] {
  const reason = reasonOf(error);
  const [retry] = error.findDetails(RetryInfoSchema);
  const help = helpUrlOf(error);
  const fields = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  const traceId = options.traceId ?? error.metadata.get(traceIdHeader) ?? undefined;
  const facts: [string, string][] = [
    ...(reason === undefined ? [] : [["reason", reason.reason] as [string, string]]),
    // Fields that the message names are not repeated.
    ...fields
      .filter(({ field }) => field !== "" && !error.rawMessage.includes(`\`${field}\``))
      .map(({ field, description }): [string, string] => [flagOf(field, parameters) ?? field, description]),
    // The message names the field, as the command line does.
    ...Object.entries(reason?.metadata ?? {}).filter(([name]) => name !== "field"),
    ...(retry?.retryDelay === undefined
      ? []
      : [["try again in", `${Number(retry.retryDelay.seconds) + retry.retryDelay.nanos / 1e9} s`] as [string, string]]),
    ...(help === undefined ? [] : [["help", help] as [string, string]]),
    ...(traceId === undefined ? [] : [["trace", traceId] as [string, string]]),
  ];
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  const message = onCommandLine(error.rawMessage, parameters);
  return [
    `${colors.red("error:")} ${codeName(error.code)}: ${printable(message)}`,
    ...facts.map(([name, value]) => `  ${colors.dim(printable(name).padEnd(width))}  ${printable(value)}`),
    ...hint(error, reason?.reason),
  ];
}

/** `NOT_FOUND`, as in the gRPC documentation. */
export function codeName(code: Code): string {
  return (Code[code] ?? "UNKNOWN").replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

/** A field's name on the command line: `--item` for `items[0].quantity`, `<order-id>` for `order_id`. Undefined if it has none. */
export function flagOf(field: string, parameters: readonly Parameter[]): string | undefined {
  const found = parameterOf(field, parameters);
  return found === undefined ? undefined : namedOnCommandLine(found);
}

/** An error's words with the flags in place of the fields: "`--item` (quantity) must be from 1 to 10000." */
export function onCommandLine(words: string, parameters: readonly Parameter[]): string {
  return words.replaceAll(/`([^`]+)`/g, (all, field: string) => {
    if (timeoutNames.has(field)) {
      return "`--timeout`";
    }
    const found = parameterOf(field, parameters);
    if (found === undefined) {
      return all;
    }
    const inner = withoutIndexes(field).slice(pathOf(found).length + 1);
    return `\`${namedOnCommandLine(found)}\`${inner === "" ? "" : ` (${inner.replaceAll("_", "-")})`}`;
  });
}

/** The runtime's names for the option that sets a deadline. */
const timeoutNames: ReadonlySet<string> = new Set(["timeoutMs", "grpc-timeout"]);

function parameterOf(field: string, parameters: readonly Parameter[]): Parameter | undefined {
  const path = withoutIndexes(field);
  return (
    parameters.find((parameter) => path === pathOf(parameter) || path.startsWith(`${pathOf(parameter)}.`)) ??
    parameters.find((parameter) => parameter.path.length > 1 && path === parameter.path.at(-1)?.name)
  );
}

function withoutIndexes(field: string): string {
  return field.replaceAll(/\[\d+\]/g, "");
}

/** The URL of the description of an error's reason. */
export function helpUrlOf(error: ConnectError): string | undefined {
  return error.findDetails(HelpSchema).flatMap(({ links }) => links)[0]?.url;
}

/** The hint for UNAUTHENTICATED. The password is read from the terminal. */
export const loginHint =
  "`npx parley user login --email <email>` returns an access token; --token or PARLEY_TOKEN sends it.";

function hint(error: ConnectError, reason: string | undefined): readonly string[] {
  if (error.code === Code.Unavailable && (reason === undefined || reason === dependencyUnavailable)) {
    return ["Is the stack running? `npx parley up` starts it; `npx parley doctor` finds problems."];
  }
  if (error.code === Code.Unauthenticated) {
    return [loginHint];
  }
  return [];
}
