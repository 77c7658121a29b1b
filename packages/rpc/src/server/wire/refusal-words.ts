import { Code, type ConnectError } from "@connectrpc/connect";
import { messageExample, nearestName } from "@parley/contract";
import { reasonError } from "../../call/reason-error.ts";
import type { ServedMethod } from "../pipeline/service-methods.ts";
import type { DirectoryEntry } from "../pipeline/service-module.ts";

/** The longest part of a request that an error repeats, in characters. */
export const wordCharsMax = 200;

/** The platform's services, as known to a server. */
export interface Surroundings {
  /** The server's own name in the directory. */
  readonly name: string;
  readonly directory: readonly DirectoryEntry[];
  /** The port that the server listens on. Undefined before it listens. */
  readonly port: () => number | undefined;
}

/** The URL of a request. */
export interface Address {
  /** Scheme and authority, for example `http://localhost:50053`. */
  readonly origin: string;
  readonly path: string;
}

/** The path of a call: `/package.Service/Method`. */
const rpcPath = /^\/((?:\w+\.)+\w+)\/(\w+)$/;

/** UNIMPLEMENTED for an unknown method. Suggests the nearest name, or the service that has it. Undefined if the path is not of the form of a call. */
export function unknownMethod(
  { origin, path }: Address,
  methods: ReadonlyMap<string, ServedMethod>,
  surroundings: Surroundings,
): ConnectError | undefined {
  const [, contract, method] = rpcPath.exec(path) ?? [];
  if (contract === undefined || method === undefined || path.length > wordCharsMax) {
    return undefined;
  }
  const served = servedMethods(methods);
  const own = served.get(contract);
  if (own !== undefined) {
    return reasonError(Code.Unimplemented, {
      reason: "METHOD_UNKNOWN",
      message: `${contract} has no method ${method}. ${hint(method, own, "It has")}`,
      metadata: { service: contract, method },
    });
  }
  const elsewhere = surroundings.directory.find(({ contracts }) => contracts.includes(contract));
  if (elsewhere !== undefined) {
    const here = surroundings.directory.find(({ name }) => name === surroundings.name);
    const url = urlOf(elsewhere, here, { origin, port: surroundings.port() });
    return reasonError(Code.Unimplemented, {
      reason: "SERVICE_ELSEWHERE",
      message:
        `This is the ${surroundings.name} service. ${contract} is served by the ${elsewhere.name} service, ` +
        (url === undefined ? `by default on port ${elsewhere.port}.` : `at ${url}.`),
      metadata: { service: contract, servedBy: elsewhere.name, ...(url === undefined ? {} : { url }) },
    });
  }
  // Health, reflection and telemetry are not listed, since every server has them.
  const listed = [...served.keys()].filter((name) => !/^g?rpc\./.test(name));
  const known = [...served.keys(), ...surroundings.directory.flatMap(({ contracts }) => contracts)];
  return reasonError(Code.Unimplemented, {
    reason: "SERVICE_NOT_SERVED",
    message: `${contract} is not served here. ${hint(contract, known, "Served here:", listed)}`,
    metadata: { service: contract },
  });
}

/** Another service's address, if all services run at the same offset from their default ports as this server. */
function urlOf(
  { port: otherPort }: DirectoryEntry,
  own: DirectoryEntry | undefined,
  { origin, port }: { readonly origin: string; readonly port: number | undefined },
): string | undefined {
  const url = URL.parse(origin);
  const moved = own === undefined || port === undefined ? -1 : port - own.port;
  if (url === null || moved < 0 || otherPort + moved > portMax) {
    return undefined;
  }
  url.port = String(otherPort + moved);
  return url.origin;
}

const portMax = 65_535;

function servedMethods(methods: ReadonlyMap<string, ServedMethod>): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const { runtime } of methods.values()) {
    const { name, parent } = runtime.method;
    const known = names.get(parent.typeName);
    if (known === undefined) {
      names.set(parent.typeName, [name]);
    } else {
      known.push(name);
    }
  }
  return names;
}

/** The most names that a message lists. */
const listedMax = 6;

function hint(given: string, known: readonly string[], listing: string, listed = known): string {
  const nearest = nearestName(given, known);
  if (nearest !== undefined) {
    return `Did you mean ${nearest}?`;
  }
  return listed.length > listedMax
    ? `${listing} ${listed.slice(0, listedMax).join(", ")} and others.`
    : `${listing} ${listed.join(", ")}.`;
}

/** METHOD_NOT_ALLOWED: the HTTP method is not allowed. Includes a working example. */
export function wrongHttpMethod(
  { origin, path }: Address,
  { runtime }: ServedMethod,
  { httpMethod, allowed }: { readonly httpMethod: string; readonly allowed: readonly string[] },
): ConnectError {
  const example = JSON.stringify(messageExample(runtime.method.input));
  const type = runtime.method.methodKind === "unary" ? "application/json" : "application/connect+json";
  return reasonError(Code.Unimplemented, {
    reason: "METHOD_NOT_ALLOWED",
    message:
      `${path} must be called with ${allowed.join(" or ")}, not with ${httpMethod.slice(0, wordCharsMax)}. ` +
      `Use POST ${origin}${path} with content-type ${type} and a body such as ${example}.`,
    metadata: { allow: allowed.join(", ") },
  });
}

/** UNSUPPORTED_MEDIA_TYPE: a GET needs the request in its query (Connect protocol, "Unary-Get-Request"). Includes an example URL. */
export function getWithoutQuery({ origin, path }: Address, { runtime }: ServedMethod): ConnectError {
  const message = encodeURIComponent(JSON.stringify(messageExample(runtime.method.input)));
  return reasonError(Code.InvalidArgument, {
    reason: "UNSUPPORTED_MEDIA_TYPE",
    message:
      `${path} with GET needs the request in the query, as in ` +
      `GET ${origin}${path}?connect=v1&encoding=json&message=${message}, and neither body nor content-type.`,
  });
}

/** UNSUPPORTED_MEDIA_TYPE: lists the content types that a method accepts. */
export function wrongContentType(
  path: string,
  { contentType, accepted }: { readonly contentType: string; readonly accepted: readonly string[] },
): ConnectError {
  const given =
    contentType === ""
      ? "The request has no content-type"
      : `The content-type ${contentType.slice(0, wordCharsMax)} is not supported`;
  return reasonError(Code.InvalidArgument, {
    reason: "UNSUPPORTED_MEDIA_TYPE",
    message: `${given}. ${path} takes ${accepted.slice(0, -1).join(", ")} and ${accepted.at(-1)}.`,
  });
}

/** HTTP2_REQUIRED: the call needs HTTP/2. */
export function needsHttp2(path: string, what: string): ConnectError {
  return reasonError(Code.Unimplemented, {
    reason: "HTTP2_REQUIRED",
    message: `${path} needs HTTP/2 for ${what}; the request came by HTTP/1.1. With curl, use --http2-prior-knowledge.`,
  });
}
