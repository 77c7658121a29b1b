import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";

/** Why a request could not become a call: the reasons in `ErrorInfo`. A fault that calls by RPC can have too has the same reason there. */
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

/** A request that cannot become a call, with the HTTP status where the code alone does not say it. */
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

/** What more is known of a problem. */
export interface ProblemOptions {
  /** Default: INVALID_ARGUMENT. */
  readonly code?: Code;
  readonly httpStatus?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The field or parameter at fault. */
  readonly field?: string;
  /** What is wrong with the field, going on from its name. Default: the message. */
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** Values from the request are quoted in messages up to this length: enough to recognise them, too little to flood a log. */
const quotedLengthMax = 100;

/** Text from the request, as a message quotes it. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > quotedLengthMax ? `${text.slice(0, quotedLengthMax)}…` : text);
}

/** A header of the request in a message: as it is, since entity tags have quotes of their own. */
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
