import {
  create,
  createRegistry,
  fromBinary,
  isMessage,
  type JsonObject,
  type Registry,
  toJson,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  HelpSchema,
  LocalizedMessageSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  RequestInfoSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "@parley/gen/google/rpc/error_details_pb.js";
import { RestProblem } from "../problem.ts";
import { httpStatusOf, statusNameOf } from "./http-status.ts";

/** An HTTP error response in the format of Google's APIs (https://google.aip.dev/193, "HTTP/1.1+JSON representation"). */
export interface ErrorResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: ErrorBody };
}

/** The error in an {@link ErrorResponse}. */
export interface ErrorBody {
  /** The HTTP status. */
  readonly code: number;
  /** The name of the google.rpc.Code. */
  readonly status: string;
  readonly message: string;
  /** The details, each with its type in `@type`. Absent if there are none. */
  readonly details?: readonly JsonObject[];
}

/** The details of Google's error model, except google.rpc.DebugInfo, which must not be exposed. */
export const standardDetails: Registry = createRegistry(
  BadRequestSchema,
  ErrorInfoSchema,
  HelpSchema,
  LocalizedMessageSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  RequestInfoSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
);

export interface ErrorResponseOptions {
  /** The detail types that are sent. Default: {@link standardDetails}. */
  readonly registry?: Registry;
  /** The domain of reasons without one (`google.rpc.ErrorInfo.domain`). Default: none. */
  readonly reasonDomain?: string;
  /** The page that describes the reasons, with a section for each. Errors link to their section (`google.rpc.Help`). Default: none. */
  readonly errorHelpUrl?: string | undefined;
}

/**
 * Converts an error to a response. An error that is not a `ConnectError` was not meant for the caller: it becomes INTERNAL without its message.
 * Details of types that the registry does not contain are dropped.
 */
export function errorResponse(reason: unknown, options: ErrorResponseOptions = {}): ErrorResponse {
  const problem = reason instanceof RestProblem ? reason : undefined;
  const error = problem?.error ?? (reason instanceof ConnectError ? reason : unexpected(reason));
  const status = problem?.httpStatus ?? httpStatusOf(error.code);
  const details = readableDetails(error, options);
  return {
    status,
    headers: { ...retryAfter(error), ...authenticate(error), ...problem?.headers },
    body: {
      error: {
        code: status,
        status: statusNameOf(error.code),
        message: error.rawMessage,
        ...(details.length === 0 ? {} : { details }),
      },
    },
  };
}

function unexpected(reason: unknown): ConnectError {
  if (reason instanceof Error && (reason.name === "AbortError" || reason.name === "TimeoutError")) {
    return new ConnectError("The call was cancelled.", Code.Canceled);
  }
  return new ConnectError("Internal error.", Code.Internal);
}

function readableDetails(
  error: ConnectError,
  { registry = standardDetails, reasonDomain = "", errorHelpUrl }: ErrorResponseOptions,
): JsonObject[] {
  return [...error.details, ...helpDetail(error, errorHelpUrl)].flatMap((detail) => {
    const typeName = "desc" in detail ? detail.desc.typeName : detail.type;
    const desc = registry.getMessage(typeName);
    if (desc === undefined) {
      return [];
    }
    try {
      const message = "desc" in detail ? create(desc, detail.value) : fromBinary(desc, detail.value);
      if (isMessage(message, ErrorInfoSchema)) {
        message.domain ||= reasonDomain;
      }
      return [{ "@type": `type.googleapis.com/${typeName}`, ...(toJson(desc, message, { registry }) as JsonObject) }];
    } catch {
      // An undecodable detail must not hide its error.
      return [];
    }
  });
}

/** A link to the reason's section, for errors with a reason and no link. */
function helpDetail(error: ConnectError, errorHelpUrl: string | undefined): ConnectError["details"] {
  const [info] = error.findDetails(ErrorInfoSchema);
  if (errorHelpUrl === undefined || info === undefined || error.findDetails(HelpSchema).length > 0) {
    return [];
  }
  const links = [{ description: info.reason, url: `${errorHelpUrl}#${info.reason.toLowerCase()}` }];
  return [{ desc: HelpSchema, value: create(HelpSchema, { links }) }];
}

/** RFC 9110, section 10.2.3: the error's RetryInfo in whole seconds. */
function retryAfter(error: ConnectError): Record<string, string> {
  const [info] = error.findDetails(RetryInfoSchema);
  if (info?.retryDelay === undefined) {
    return {};
  }
  const seconds = Number(info.retryDelay.seconds) + info.retryDelay.nanos / 1e9;
  return { "retry-after": String(Math.max(1, Math.ceil(seconds))) };
}

/** RFC 9110, section 15.5.2: a 401 names the authentication scheme. */
function authenticate(error: ConnectError): Record<string, string> {
  return error.code === Code.Unauthenticated ? { "www-authenticate": "Bearer" } : {};
}
