import {
  createRegistry,
  type DescMethod,
  type DescService,
  type JsonObject,
  type JsonValue,
  type Message,
  type Registry,
  toJson,
} from "@bufbuild/protobuf";
import { type CallOptions, type Client, ConnectError } from "@connectrpc/connect";
import { type Binding, isExposed, methodBindings, renameErrorFields } from "@parley/contract";
import { headerOf, type RestRequest, type RestResponse } from "./http.ts";
import { httpBodyContent, isHttpBody } from "./http-body.ts";
import { preferredType } from "./media-type.ts";
import { callOptionsOf } from "./request/call-options.ts";
import { restFieldName } from "./request/field-name.ts";
import { sendIfMatch } from "./request/precondition.ts";
import { requestBody } from "./request/request-body.ts";
import { requestMessage } from "./request/request-message.ts";
import { splitUrl } from "./request/request-target.ts";
import { conditional } from "./response/conditional.ts";
import { type Creation, created, creationOf } from "./response/creation.ts";
import { errorResponse, standardDetails } from "./response/error-response.ts";
import { rawStreamResponse } from "./response/raw-stream.ts";
import { resourceTag } from "./response/resource-tag.ts";
import { eventStream, jsonLines, streamResponse, type Timer } from "./response/stream.ts";
import { findRoute, matched } from "./route/find-route.ts";
import { RouteTable } from "./route/route-table.ts";
import { systemTimer } from "./system-timer.ts";

/** A contract and a client that calls it. Created by {@link restService}. */
export interface RestService {
  readonly service: DescService;
  readonly client: Client<DescService>;
}

/** Pairs a contract with a client that calls it. */
export function restService<S extends DescService>(service: S, client: Client<S>): RestService {
  return { service, client: client as unknown as Client<DescService> };
}

export interface TranscoderOptions {
  /** Which methods with a `google.api.http` option are served. Default: those that `rpc.v1.access` does not restrict to services. */
  readonly exposes?: (method: DescMethod) => boolean;
  /** The maximum length of a request body, in bytes. Default 4 MiB, gRPC's default message limit. */
  readonly bodyLengthMax?: number;
  /** Request headers that are forwarded to the service. */
  readonly forwardedHeaders?: readonly string[];
  /** Types of error details, and types in an `Any`. Default: those of google/rpc/error_details.proto. */
  readonly registry?: Registry;
  /**
   * Whether responses include fields with their zero value (an empty list, a 0). Default true: REST clients expect the list and the number, and
   * ProtoJSON allows both.
   */
  readonly alwaysEmitImplicit?: boolean;
  /** The idle time of a stream before a heartbeat, in milliseconds. Default 15,000: proxies time out after 30 to 60 s. */
  readonly heartbeatMs?: number;
  /** How long to wait for a stream's first message before the headers are sent, in milliseconds. Default 250. */
  readonly openingMs?: number;
  /** The timer for heartbeats and `openingMs`. Default: the system's. */
  readonly timer?: Timer;
  /**
   * Checks the caller by the request's method and headers, before its query and body are read. Rejects to refuse the call. Default: only the client
   * checks, after the message was read.
   */
  readonly admit?: (method: DescMethod, request: RestRequest) => Promise<void>;
  /** The domain of reasons without one (`google.rpc.ErrorInfo.domain`), for example `shop.example.com`. Default: none. */
  readonly reasonDomain?: string;
  /** The page that describes the reasons, with a section for each. Errors link to their section (`google.rpc.Help`). Default: none. */
  readonly errorHelpUrl?: string | undefined;
  /**
   * The currency of a number in a request's body where the contract has a `google.type.Money`: `199.99` is then 199.99 of it. Three capital letters
   * (ISO 4217). Default: none, and such a number is refused.
   */
  readonly defaultCurrency?: string | undefined;
}

/** A REST transcoder in front of Connect services. */
export interface Transcoder {
  /** The served bindings, in the order of the contracts. */
  readonly bindings: readonly Binding[];
  /** Whether there is a binding for this path and HTTP method. */
  serves(httpMethod: string, url: string): boolean;
  /** Handles a request. Never rejects: errors become responses. */
  handle(request: RestRequest): Promise<RestResponse>;
}

const defaultForwardedHeaders = ["authorization", "x-request-id", "traceparent", "tracestate", "baggage"];

/**
 * Serves the methods of the contracts over REST, by their `google.api.http` options. Throws if an option is invalid (`HttpRuleError`,
 * `PathTemplateError`) or two bindings conflict (`RouteConflictError`).
 */
export function createTranscoder(services: readonly RestService[], options: TranscoderOptions = {}): Transcoder {
  const settings: Settings = {
    bodyLengthMax: options.bodyLengthMax ?? 4 * 1024 * 1024,
    forwardedHeaders: options.forwardedHeaders ?? defaultForwardedHeaders,
    registry: options.registry === undefined ? standardDetails : createRegistry(standardDetails, options.registry),
    alwaysEmitImplicit: options.alwaysEmitImplicit ?? true,
    heartbeatMs: options.heartbeatMs ?? 15_000,
    openingMs: options.openingMs ?? 250,
    timer: options.timer ?? systemTimer,
    reasonDomain: options.reasonDomain ?? "",
    errorHelpUrl: options.errorHelpUrl,
    admit: options.admit ?? admitAll,
    defaultCurrency: options.defaultCurrency,
  };
  const table = new RouteTable<Route>(({ binding }) => String(binding.method));
  const bindings = exposedBindings(services, options.exposes ?? isExposed);
  for (const route of bindings) {
    table.add(route.binding.httpMethod, route.binding.template, route);
  }
  return {
    bindings: bindings.map(({ binding }) => binding),
    serves: (httpMethod, url) => matched(table, httpMethod, splitUrl(url).path).kind === "found",
    async handle(request) {
      const headOnly = request.method === "HEAD";
      const response = await answer(table, request, settings).catch((reason) => errorAnswer(reason, settings));
      return headOnly ? withoutBody(response) : response;
    },
  };
}

async function admitAll(): Promise<void> {}

interface Settings extends Required<Omit<TranscoderOptions, "exposes" | "errorHelpUrl" | "defaultCurrency">> {
  readonly errorHelpUrl: string | undefined;
  readonly defaultCurrency: string | undefined;
}

interface Route {
  readonly binding: Binding;
  readonly client: Client<DescService>;
  /** Set for a standard Create method. */
  readonly creation: Creation | undefined;
}

function exposedBindings(services: readonly RestService[], exposes: (method: DescMethod) => boolean): readonly Route[] {
  return services.flatMap(({ service, client }) =>
    service.methods
      .filter(exposes)
      .flatMap(methodBindings)
      .map((binding) => ({ binding, client, creation: creationOf(binding, exposes) })),
  );
}

async function answer(table: RouteTable<Route>, request: RestRequest, settings: Settings): Promise<RestResponse> {
  const { path, query } = splitUrl(request.url);
  const found = findRoute(table, request, path);
  if ("status" in found) {
    return found;
  }
  const { value: route } = found;
  try {
    return await answerRoute(route, request, { segments: found.segments, query, settings });
  } catch (error) {
    spell(error, { binding: route.binding, query });
    throw error;
  }
}

/** Renames the fields in an error to the caller's spelling. */
function spell(error: unknown, { binding, query }: { readonly binding: Binding; readonly query: string }): void {
  if (error instanceof ConnectError) {
    renameErrorFields(error, (name) => restFieldName(binding, query, name));
  }
}

interface RoutedCall {
  readonly segments: readonly string[];
  readonly query: string;
  readonly settings: Settings;
}

async function answerRoute(route: Route, request: RestRequest, call: RoutedCall): Promise<RestResponse> {
  const { segments, query, settings } = call;
  const { binding } = route;
  await settings.admit(binding.method, request);
  const message = requestMessage(binding, {
    segments,
    query,
    body: await requestBody(binding, request, {
      bytesMax: settings.bodyLengthMax,
      defaultCurrency: settings.defaultCurrency,
    }),
    registry: settings.registry,
  });
  const callOptions = callOptionsOf(request, settings.forwardedHeaders);
  if (binding.method.methodKind === "server_streaming") {
    return stream(route, { request, message, callOptions, settings });
  }
  return unary(route, { request, message, callOptions, settings });
}

interface RestCall {
  readonly request: RestRequest;
  readonly message: Message;
  readonly callOptions: CallOptions;
  readonly settings: Settings;
}

async function unary({ binding, client, creation }: Route, call: RestCall): Promise<RestResponse> {
  const { request, message, callOptions, settings } = call;
  const method = client[binding.method.localName] as unknown as (
    message: Message,
    options: CallOptions,
  ) => Promise<Message>;
  const send = (each: Message) => method(each, callOptions);
  const reads = request.method === "GET" || request.method === "HEAD";
  const output = reads ? await send(message) : await sendIfMatch(binding, request, message, send);
  const response = outputResponse(binding, output, settings);
  const tag = resourceTag(binding, output);
  if (reads) {
    return conditional(request, response, tag);
  }
  if (creation !== undefined) {
    return created(response, creation, { request: message, output, tag });
  }
  // After a PATCH, the response is the current resource, so it has an ETag. A response to PUT must not have one here (RFC 9110, section 9.3.4).
  return tag === undefined || request.method !== "PATCH"
    ? response
    : { ...response, headers: { ...response.headers, etag: tag } };
}

const uncached = { "cache-control": "no-cache" };
const jsonHeaders = { "content-type": "application/json", ...uncached };

function outputResponse(binding: Binding, output: Message, settings: Settings): RestResponse {
  const { responseBody, method } = binding;
  if (isHttpBody(responseBody ?? method.output)) {
    const { contentType, data } = httpBodyContent(bodyMessage(binding, output));
    return { status: 200, headers: { "content-type": contentType, ...uncached }, body: data };
  }
  const { registry, alwaysEmitImplicit } = settings;
  const json = toJson(method.output, output, { registry, alwaysEmitImplicit }) as JsonObject;
  return { status: 200, headers: jsonHeaders, body: JSON.stringify(responseJson(binding, json)) };
}

/** The message that becomes the response body. */
function bodyMessage({ responseBody }: Binding, output: Message): Message | undefined {
  return responseBody === undefined
    ? output
    : (output as unknown as Record<string, Message | undefined>)[responseBody.localName];
}

function responseJson({ responseBody }: Binding, json: JsonObject): JsonValue {
  if (responseBody === undefined) {
    return json;
  }
  return json[responseBody.jsonName] ?? (responseBody.fieldKind === "message" ? {} : null);
}

async function stream({ binding, client }: Route, call: RestCall): Promise<RestResponse> {
  const { request, message, callOptions, settings } = call;
  const raw = isHttpBody(binding.responseBody ?? binding.method.output);
  const accepted = preferredType(headerOf(request, "accept"), [jsonLines.contentType, eventStream.contentType]);
  const format = accepted === eventStream.contentType ? eventStream : jsonLines;
  if (request.method === "HEAD") {
    return { status: 200, headers: raw ? {} : { "content-type": format.contentType }, body: "" };
  }
  resume(message, headerOf(request, "last-event-id"));
  const method = client[binding.method.localName] as unknown as (
    message: Message,
    options: CallOptions,
  ) => AsyncIterable<Message>;
  const cancellation = new AbortController();
  const signal = AbortSignal.any([request.signal, cancellation.signal]);
  const cancel = () => cancellation.abort();
  const messages = method(message, { ...callOptions, signal });
  return raw
    ? rawStreamResponse(messages, { contentOf: (each) => httpBodyContent(bodyMessage(binding, each)), cancel })
    : streamResponse(messages, {
        format,
        method: binding.method,
        cancel,
        spell: (error) => spell(error, { binding, query: splitUrl(request.url).query }),
        ...settings,
      });
}

/** Resumes a stream after a reconnect: sets the field of Parley's Watch methods, unless the request sets it itself. */
function resume(message: Message, lastEventId: string | undefined): void {
  const fields = message as unknown as Record<string, unknown>;
  if (lastEventId !== undefined && lastEventId !== "" && fields.afterPosition === "") {
    fields.afterPosition = lastEventId;
  }
}

function errorAnswer(reason: unknown, settings: Settings): RestResponse {
  const { status, headers, body } = errorResponse(reason, settings);
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
    body: JSON.stringify(body),
  };
}

function withoutBody(response: RestResponse): RestResponse {
  return { ...response, body: "" };
}
