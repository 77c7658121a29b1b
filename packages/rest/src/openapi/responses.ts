import type { DescMethod, JsonObject } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { Binding } from "@parley/contract";
import { callerOf, commentOf } from "@parley/contract";
import { Caller } from "@parley/gen/rpc/v1/options_pb.js";
import { isHttpBody } from "../http-body.ts";
import { etagField } from "../request/precondition.ts";
import type { Creation } from "../response/creation.ts";
import { httpStatusOf, statusNameOf } from "../response/http-status.ts";
import { hasState } from "../response/resource-tag.ts";
import type { SchemaBook } from "./schemas.ts";

const errorContent = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };

export interface ResponsesSource {
  /** Set for a standard Create method. */
  readonly creation: Creation | undefined;
  readonly schemas: SchemaBook;
  /** Whether operations require a token if the contract says so. */
  readonly signIn: boolean;
  readonly example: JsonObject | undefined;
}

/** The responses of a binding: the message, the errors that the method's comment names, and a default error. */
export function responsesOf(binding: Binding, source: ResponsesSource): JsonObject {
  const { schemas, signIn, creation, example } = source;
  const { method, responseBody } = binding;
  const schema = responseBody === undefined ? schemas.message(method.output) : schemas.field(responseBody);
  const description = commentOf(method.output) || "The response.";
  return {
    [creation === undefined ? "200" : "201"]: {
      description,
      ...(creation === undefined ? headersOf(binding) : creationHeaders(creation)),
      content: contentOf(binding, schema, example),
    },
    ...(binding.httpMethod === "GET" && method.methodKind === "unary"
      ? { "304": { description: "Not modified: the ETag still matches `If-None-Match`." } }
      : {}),
    ...(binding.httpMethod !== "GET" && etagField(binding) !== undefined
      ? { "412": { description: "ABORTED: the resource has another ETag than `If-Match`.", content: errorContent } }
      : {}),
    ...errorsOf(method, signIn),
    default: { description: "An error.", content: errorContent },
  };
}

function headersOf({ httpMethod, method }: Binding): JsonObject {
  return httpMethod === "GET" && method.methodKind === "unary"
    ? { headers: { etag: { description: "Changes whenever the response changes.", schema: { type: "string" } } } }
    : {};
}

/** The response to a repeated request has the same status and headers. */
function creationHeaders({ places, resource }: Creation): JsonObject {
  const location = {
    description: "The URL of the created resource.",
    schema: { type: "string", format: "uri-reference" },
  };
  const etag = { description: "The ETag of the created resource, for `If-Match`.", schema: { type: "string" } };
  const headers = { ...(places.length === 0 ? {} : { location }), ...(hasState(resource) ? { etag } : {}) };
  return Object.keys(headers).length === 0 ? {} : { headers };
}

function contentOf({ method, responseBody }: Binding, schema: JsonObject, example: JsonObject | undefined): JsonObject {
  if (isHttpBody(responseBody ?? method.output)) {
    return { "*/*": { schema: {} } };
  }
  if (method.methodKind === "server_streaming") {
    const text = {
      type: "string",
      description: "Server-sent events. Each `data` is a message, and `id` its position.",
    };
    return { "application/x-ndjson": { schema }, "text/event-stream": { schema: text } };
  }
  return { "application/json": { schema, ...(example === undefined ? {} : { example }) } };
}

const codes = Object.values(Code).filter((code): code is Code => typeof code === "number");

/** The method's comment in the contract lists its error codes by their names in google.rpc.Code. */
function errorsOf(method: DescMethod, signIn: boolean): JsonObject {
  const comment = commentOf(method);
  const always = [Code.InvalidArgument, Code.ResourceExhausted, Code.Unavailable, Code.DeadlineExceeded];
  const guarded = !signIn || callerOf(method) === Caller.PUBLIC ? [] : [Code.Unauthenticated, Code.PermissionDenied];
  const named = codes.filter((code) => new RegExp(`\\b${statusNameOf(code)}\\b`).test(comment));
  const byStatus = new Map<number, Set<string>>();
  for (const code of [...always, ...guarded, ...named]) {
    const names = byStatus.get(httpStatusOf(code)) ?? new Set();
    byStatus.set(httpStatusOf(code), names.add(statusNameOf(code)));
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      String(status),
      { description: `${[...names].join(" or ")}.`, content: errorContent, ...retryHeader(status) },
    ]),
  );
}

function retryHeader(status: number): JsonObject {
  return status === 429 || status === 503
    ? { headers: { "retry-after": { description: "Seconds to wait.", schema: { type: "integer" } } } }
    : {};
}

/** The error format: Google's, https://google.aip.dev/193. */
export const errorSchema: JsonObject = {
  type: "object",
  description: "An error in the format of Google's APIs (AIP-193).",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "status", "message"],
      properties: {
        code: { type: "integer", description: "The HTTP status." },
        status: { type: "string", enum: codes.map(statusNameOf), description: "The google.rpc.Code." },
        message: { type: "string", description: "The error message, for developers." },
        details: {
          type: "array",
          description:
            "google.rpc.ErrorInfo with the reason, google.rpc.BadRequest with the invalid fields, and others.",
          items: {
            type: "object",
            required: ["@type"],
            properties: { "@type": { type: "string" }, reason: { type: "string" }, domain: { type: "string" } },
            additionalProperties: true,
          },
        },
      },
    },
  },
};
