import type { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, RetryInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { reasonOf } from "@parley/rpc";
import type { Parameter } from "../contract/parameters.ts";
import { codeName, flagOf, helpUrlOf, onCommandLine } from "./failure.ts";
import type { FailureJson } from "./json-errors.ts";

/** A failed call as JSON. */
export function failureJson(
  error: ConnectError,
  {
    parameters = [],
    traceId,
  }: { readonly parameters?: readonly Parameter[]; readonly traceId?: string | undefined } = {},
): FailureJson {
  const info = reasonOf(error);
  const violations = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  const help = helpUrlOf(error);
  const [retry] = error.findDetails(RetryInfoSchema);
  return {
    error: {
      code: codeName(error.code),
      message: onCommandLine(error.rawMessage, parameters),
      ...(info === undefined ? {} : { reason: info.reason, metadata: info.metadata }),
      ...(violations.length === 0
        ? {}
        : {
            fieldViolations: violations.map(({ field, description }) => {
              const flag = flagOf(field, parameters);
              return { field, ...(flag === undefined ? {} : { flag }), description };
            }),
          }),
      ...(help === undefined ? {} : { help }),
      ...(retry?.retryDelay === undefined
        ? {}
        : { retryDelayMs: Number(retry.retryDelay.seconds) * 1_000 + retry.retryDelay.nanos / 1e6 }),
      ...(traceId === undefined ? {} : { traceId }),
    },
  };
}
