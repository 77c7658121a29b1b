import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Binding, findField } from "@parley/contract";
import { ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { parseEntityTags, quotedTag } from "../entity-tag.ts";
import { headerOf, type RestRequest } from "../http.ts";
import { headerText, RestProblem } from "../problem.ts";

/** Sends a call's message and returns the response. */
export type Send = (message: Message) => Promise<Message>;

/** The field with the precondition (https://google.aip.dev/154). The service compares it in the transaction that writes. */
const etagFieldName = "etag";

/** The error reason of an etag mismatch. */
const mismatchReason = "ETAG_MISMATCH";

/** Each tag may cost a call. A client rarely has read more states of a resource. */
const tagsMax = 8;

/** Never a valid etag, because none begins like a weak tag: the service reports a mismatch, or that the resource does not exist. */
const unmatchable = "W/";

/** The maximum length of an etag in the contracts. A longer tag matches none. */
const etagLengthMax = 64;

/**
 * Sends a call with the request's `If-Match` precondition (RFC 9110, section 13.1.1). The gateway does not compare tags itself, because a
 * concurrent write could intervene: it copies each tag into the request's etag field, and the service compares and writes in one transaction.
 * Throws a {@link RestProblem} with 412 if no tag matches, if the method has no etag field, and for `If-None-Match`, which no contract supports.
 */
export async function sendIfMatch(
  binding: Binding,
  request: RestRequest,
  message: Message,
  send: Send,
): Promise<Message> {
  if (headerOf(request, "if-none-match") !== undefined) {
    throw failed("If-None-Match is supported for GET and HEAD only. Use If-Match for a write.");
  }
  const ifMatch = headerOf(request, "if-match");
  const tags = ifMatch === undefined ? undefined : parseEntityTags(ifMatch);
  if (ifMatch === undefined || tags?.any === true) {
    return send(message);
  }
  const field = etagField(binding);
  if (field === undefined) {
    throw failed(
      `${binding.httpMethod} ${binding.template.source} has no ETag that If-Match could be compared with. Leave the header out.`,
    );
  }
  // An empty etag would be no condition.
  const strong = tags?.strong.filter((tag) => tag !== "" && tag.length <= etagLengthMax) ?? [];
  if (strong.length > tagsMax) {
    throw new RestProblem(
      "INVALID_REQUEST",
      `If-Match has more than ${tagsMax} tags. Send those of the states that you read.`,
      { field: "if-match" },
    );
  }
  const holder = holderOf(message, field);
  const name = field.etag.localName;
  const given = String(holder[name] ?? "");
  let mismatch: unknown;
  for (const tag of strong.length === 0 ? [unmatchable] : strong) {
    holder[name] = bothOf(given, tag);
    try {
      return await send(message);
    } catch (error) {
      if (!isMismatch(error)) {
        throw error;
      }
      mismatch = error;
    }
  }
  throw failed(explained(ifMatch, mismatch), mismatch);
}

/** The location of a call's etag: in the request itself, or in its resource. */
interface EtagField {
  readonly resource: DescField | undefined;
  readonly etag: DescField;
}

/** The field with the precondition of a binding's calls. Undefined if there is none. */
export function etagField({ method, body }: Binding): EtagField | undefined {
  const own = textField(method.input);
  if (own !== undefined) {
    return { resource: undefined, etag: own };
  }
  const inside = typeof body === "object" && body.fieldKind === "message" ? textField(body.message) : undefined;
  return inside === undefined || typeof body !== "object" ? undefined : { resource: body, etag: inside };
}

function textField(message: DescMessage): DescField | undefined {
  const field = findField(message, etagFieldName);
  return field?.fieldKind === "scalar" ? field : undefined;
}

/** The message, or its resource. */
function holderOf(message: Message, { resource }: EtagField): Record<string, unknown> {
  const fields = message as unknown as Record<string, unknown>;
  const holder = resource === undefined ? fields : fields[resource.localName];
  if (holder === undefined) {
    throw failed("The request has no resource that If-Match could be compared with.");
  }
  return holder as Record<string, unknown>;
}

/**
 * The etag to send for a tag. If the caller also set an etag in the message, both conditions must hold. A revision consists of the resource's etag,
 * a dot, and a part for other changes.
 */
function bothOf(given: string, tag: string): string {
  return given === "" || tag === given || tag.startsWith(`${given}.`) ? tag : unmatchable;
}

function isMismatch(error: unknown): boolean {
  return (
    error instanceof ConnectError &&
    error.code === Code.Aborted &&
    error.findDetails(ErrorInfoSchema).some(({ reason }) => reason === mismatchReason)
  );
}

function explained(ifMatch: string, mismatch: unknown): string {
  const tags = parseEntityTags(ifMatch);
  const why =
    tags === undefined
      ? 'entity tags are written in double quotes, such as "v1"'
      : tags.strong.length === 0
        ? "weak tags never match here; GET it for its strong one"
        : "it has changed since; GET it again for its ETag";
  const current = mismatch instanceof ConnectError ? currentTag(mismatch) : undefined;
  return `If-Match is ${headerText(ifMatch)}, and the resource ${current === undefined ? "has another ETag" : `has ETag ${current}`}: ${why}.`;
}

function currentTag(mismatch: ConnectError): string | undefined {
  const { revision, etag } = mismatch.findDetails(ErrorInfoSchema)[0]?.metadata ?? {};
  return quotedTag(revision ?? etag ?? "");
}

function failed(message: string, cause?: unknown): RestProblem {
  const metadata = cause instanceof ConnectError ? (cause.findDetails(ErrorInfoSchema)[0]?.metadata ?? {}) : {};
  return new RestProblem("PRECONDITION_FAILED", message, { code: Code.Aborted, httpStatus: 412, metadata, cause });
}
