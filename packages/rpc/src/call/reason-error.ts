import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { type Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  HelpSchema,
  RetryInfoSchema,
} from "@parley/gen/google/rpc/error_details_pb.js";
import { withoutStack } from "./without-stack.ts";

/** A detail of an error: a message and its descriptor. Made by {@link errorDetail}. */
export interface ErrorDetail {
  readonly desc: DescMessage;
  readonly value: MessageInitShape<DescMessage>;
}

/** A violation of one field of a request. */
export interface FieldProblem {
  /** The field's path, for example `items[0].quantity`. */
  readonly field: string;
  /** The violation, as a sentence. */
  readonly description: string;
  /** UPPER_SNAKE or a rule's id, for a program. */
  readonly reason?: string;
}

export interface ReasonErrorOptions {
  /** The reason for programs: UPPER_SNAKE. Callers decide by it, so it is part of the contract. */
  readonly reason: string;
  /** The message for people. It is sent out: nothing secret, nothing internal. */
  readonly message: string;
  /**
   * The domain of the reason (`google.rpc.ErrorInfo.domain`). Default: the domain of the server that sends the error
   * (`ServiceModule.reasonDomain`).
   */
  readonly domain?: string;
  /** Metadata of the reason, for example a product id and the available units. It is sent out. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** The violated fields (`google.rpc.BadRequest`). */
  readonly fields?: readonly FieldProblem[];
  /** The retry delay (`google.rpc.RetryInfo`), in milliseconds. */
  readonly retryAfterMs?: number;
  /** Further details. */
  readonly details?: readonly ErrorDetail[];
  /** The cause. Logged, never sent out. */
  readonly cause?: unknown;
}

/** An error for the caller with a reason and a message (google.rpc.ErrorInfo, AIP-193). It has no stack trace. */
export function reasonError(code: Code, options: ReasonErrorOptions): ConnectError {
  const { reason, message, domain = "", metadata = {}, fields, retryAfterMs, details = [], cause } = options;
  const all: ErrorDetail[] = [errorDetail(ErrorInfoSchema, { reason, domain, metadata: { ...metadata } })];
  if (fields !== undefined) {
    all.push(errorDetail(BadRequestSchema, { fieldViolations: fields.map((field) => ({ ...field })) }));
  }
  if (retryAfterMs !== undefined) {
    const seconds = Math.floor(retryAfterMs / 1000);
    const nanos = Math.round((retryAfterMs - seconds * 1000) * 1e6);
    all.push(errorDetail(RetryInfoSchema, { retryDelay: { seconds: BigInt(seconds), nanos } }));
  }
  return withoutStack(() => new ConnectError(message, code, undefined, [...all, ...details], cause));
}

/** A message as a detail of an error. */
export function errorDetail<D extends DescMessage>(desc: D, value: MessageInitShape<D>): ErrorDetail {
  return { desc, value };
}

/** The domain and the documentation of a server's reasons. */
export interface ReasonSource {
  /** The domain of reasons without one (`google.rpc.ErrorInfo.domain`). */
  readonly domain: string;
  /** The page that describes the reasons, one section each. Without it errors carry no link. */
  readonly helpUrl?: string | undefined;
}

/**
 * Completes the reasons (`google.rpc.ErrorInfo`) of an error: sets the domain if there is none, and adds a link (`google.rpc.Help`) to the
 * reason's section. Reasons and links of other servers are left unchanged.
 */
export function completeReason(error: ConnectError, { domain, helpUrl }: ReasonSource): void {
  let link: string | undefined;
  for (const detail of error.details) {
    const typeName = "desc" in detail ? detail.desc.typeName : detail.type;
    if (typeName === HelpSchema.typeName) {
      return;
    }
    if ("desc" in detail && typeName === ErrorInfoSchema.typeName) {
      const info = detail.value as { domain?: string; reason?: string };
      info.domain ||= domain;
      if (helpUrl !== undefined && info.domain === domain) {
        link ??= info.reason;
      }
    }
  }
  if (link !== undefined && helpUrl !== undefined) {
    error.details.push(errorDetail(HelpSchema, { links: [{ description: link, url: reasonUrl(helpUrl, link) }] }));
  }
}

/** The section of a page that describes a reason: `…/errors.md#user_not_found`. */
export function reasonUrl(helpUrl: string, reason: string): string {
  return `${helpUrl}#${reason.toLowerCase()}`;
}

/** The reason of an error, received or created here. Undefined if it has none. */
export function reasonOf(
  error: unknown,
): { readonly reason: string; readonly metadata: Readonly<Record<string, string>> } | undefined {
  if (!(error instanceof ConnectError)) {
    return undefined;
  }
  for (const info of error.findDetails(ErrorInfoSchema)) {
    return { reason: info.reason, metadata: info.metadata };
  }
  return undefined;
}
