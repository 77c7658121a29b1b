import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";

/** The `ErrorInfo` reasons of requests that cannot be transcoded. An error that an RPC can cause too has the same reason there. */
export type ProblemReason =
  | "INVALID_REQUEST"
  | "MESSAGE_TOO_LARGE"
  | "MESSAGE_TOO_COMPLEX"
  | "UNKNOWN_FIELD"
  | "PRECONDITION_FAILED"
  | "ROUTE_NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "MALFORMED_PATH"
  | "MALFORMED_QUERY"
  | "UNKNOWN_PARAMETER"
  | "INVALID_PARAMETER"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "INVALID_FIELD"
  | "INVALID_TIMEOUT";

/** A request that cannot be transcoded, with the HTTP status if the code alone does not determine it. */
export class RestProblem extends Error {
  override readonly name = "RestProblem";
  readonly error: ConnectError;
  readonly httpStatus: number | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(reason: ProblemReason, message: string, options: ProblemOptions = {}) {
    super(message, { cause: options.cause });
    this.error = problemError(reason, message, options);
    this.httpStatus = options.httpStatus;
    this.headers = options.headers ?? {};
  }
}

/** Optional parts of a problem. */
export interface ProblemOptions {
  /** Default: INVALID_ARGUMENT. */
  readonly code?: Code;
  readonly httpStatus?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The invalid field or parameter. */
  readonly field?: string;
  /** The description of the field violation, continuing after the field's name. Default: the message. */
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** The maximum length of quoted request values in messages: enough to recognise them, without flooding a log. */
const quotedLengthMax = 100;

/** Quotes text from the request for a message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > quotedLengthMax ? `${text.slice(0, quotedLengthMax)}…` : text);
}

/** A request header for a message: without additional quotes, because entity tags have their own. */
export function headerText(value: string): string {
  return value.length > quotedLengthMax ? `${value.slice(0, quotedLengthMax)}…` : value;
}

function problemError(reason: ProblemReason, message: string, options: ProblemOptions): ConnectError {
  const { code = Code.InvalidArgument, field } = options;
  const metadata = { ...(field === undefined ? {} : { field }), ...options.metadata };
  const badRequest = field === undefined ? [] : [badRequestDetail(field, options.description ?? message, reason)];
  return new ConnectError(
    message,
    code,
    undefined,
    [{ desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason, metadata }) }, ...badRequest],
    options.cause,
  );
}

function badRequestDetail(field: string, description: string, reason: string) {
  const value = create(BadRequestSchema, { fieldViolations: [{ field, description, reason }] });
  return { desc: BadRequestSchema, value };
}
