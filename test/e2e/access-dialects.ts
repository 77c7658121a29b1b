import { type DescMethod, fromJson, getOption, hasOption, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { type CallOptions, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { http } from "@parley/gen/google/api/annotations_pb.js";
import { reasonOf } from "@parley/rpc";

/** The outcome of a call: `in` if access was granted, whatever the method then returned; otherwise the reason. */
export type Outcome =
  | "in"
  | "TOKEN_MISSING"
  | "TOKEN_ENDED"
  | "TOKEN_REFUSED"
  | "PERMISSION_DENIED"
  | "absent"
  | string;

export interface Attempt {
  readonly method: DescMethod;
  readonly request: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
}

/** A way to call a method at a URL. */
export type Dialect = (attempt: Attempt) => Promise<Outcome>;

/** The three RPC protocols at a URL. */
export function rpcDialects(baseUrl: string): Readonly<Record<string, Dialect>> {
  return {
    grpc: over(createGrpcTransport({ baseUrl })),
    "grpc-web": over(createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })),
    connect: over(createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false })),
  };
}

function over(transport: Transport): Dialect {
  return async ({ method, request, headers }) => {
    const client = createClient(method.parent, transport);
    const call = client[method.localName] as unknown as (input: unknown, options: CallOptions) => unknown;
    try {
      const answer = call(fromJson(method.input, request), { headers });
      if (method.methodKind === "server_streaming") {
        for await (const _message of answer as AsyncIterable<unknown>) {
          return "in";
        }
      }
      await answer;
      return "in";
    } catch (error) {
      const { code } = ConnectError.from(error);
      return outcomeOf(code, reasonOf(error)?.reason);
    }
  };
}

const accessReasons = new Set([
  "TOKEN_MISSING",
  "TOKEN_ENDED",
  "TOKEN_REFUSED",
  "PERMISSION_DENIED",
  "KEYS_UNAVAILABLE",
]);

/** An access refusal has one of the reasons above. Any other error is the method's own, except codes that no method returns here. */
function outcomeOf(code: Code, reason: string | undefined): Outcome {
  if (code === Code.Unimplemented) {
    return "absent";
  }
  if (reason !== undefined && accessReasons.has(reason)) {
    return reason;
  }
  const broken = [Code.Internal, Code.Unknown, Code.Unavailable, Code.DeadlineExceeded, Code.PermissionDenied];
  return broken.includes(code) ? [Code[code], reason].join(" ").trim() : "in";
}

/**
 * REST at a URL, by the contract's own routes. Undefined if the contract has no route for the method. With `unreadable`, the
 * query and the body, if there is one, are malformed.
 */
export function restDialect(
  baseUrl: string,
  method: DescMethod,
  { unreadable = false }: { readonly unreadable?: boolean } = {},
): Dialect | undefined {
  if (!hasOption(method, http)) {
    return undefined;
  }
  const { pattern, body } = getOption(method, http);
  const verb = pattern.case?.toUpperCase() ?? "";
  const template = typeof pattern.value === "string" ? pattern.value : "";
  return async ({ request, headers }) => {
    const rest = structuredClone(request) as Record<string, JsonValue>;
    const path = template.replace(/\{([a-z_.]+)\}/g, (_match, field: string) => encodeURIComponent(take(rest, field)));
    const content = body === "*" ? rest : body === "" ? undefined : rest[body];
    const query = unreadable ? "?no_such_field=1" : body === "" ? queryOf(rest) : "";
    const answer = await fetch(`${baseUrl}${path}${query}`, {
      method: verb,
      headers: { ...headers, ...(content === undefined ? {} : { "content-type": "application/json" }) },
      ...(content === undefined ? {} : { body: unreadable ? "{" : JSON.stringify(content) }),
    });
    const text = await answer.text();
    // A stream that is refused after its response has started carries the error in its last line.
    const said = answer.ok && method.methodKind === "server_streaming" ? lastLine(text) : text;
    if (!said.startsWith('{"error":')) {
      return "in";
    }
    const { error } = JSON.parse(said) as { error: { status: string; details?: { reason?: string }[] } };
    return (
      (answer.ok ? undefined : consistent(answer)) ??
      outcomeOf(codeByName(error.status), error.details?.find(({ reason }) => reason)?.reason)
    );
  };
}

/** Reports inconsistent response headers. */
function consistent({ status, headers }: Response): Outcome | undefined {
  return status === 401 && headers.get("www-authenticate") !== "Bearer" ? "401 without WWW-Authenticate" : undefined;
}

function codeByName(status: string): Code {
  const words = status.toLowerCase().split("_");
  const name = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("");
  return Code[(name === "Cancelled" ? "Canceled" : name) as keyof typeof Code] ?? Code.Unknown;
}

/** Removes the value of a path variable, for example `user.id`, from a request and returns it. */
function take(request: Record<string, JsonValue>, field: string): string {
  const names = field.split(".").map(camelCase);
  const last = names.pop() ?? "";
  const parent = names.reduce((value, name) => value[name] as Record<string, JsonValue>, request);
  const value = String(parent[last]);
  delete parent[last];
  return value;
}

function queryOf(request: Record<string, JsonValue>): string {
  const pairs = Object.entries(request).flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)]));
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
