import type { DescField, DescMethod, DescService, JsonObject } from "@bufbuild/protobuf";
import {
  type Binding,
  callerOf,
  commentOf,
  isExposed,
  isOneofRequired,
  isRequired,
  methodBindings,
  methodPolicy,
  rulesOf,
} from "@parley/contract";
import { Caller } from "@parley/gen/rpc/v1/options_pb.js";
import { isHttpBody } from "../http-body.ts";
import { etagField } from "../request/precondition.ts";
import { patchOf } from "../request/update-mask.ts";
import { type Creation, creationOf } from "../response/creation.ts";
import { openApiPath, type PathNames, queryParameters } from "./parameters.ts";
import { errorSchema, responsesOf } from "./responses.ts";
import { SchemaBook } from "./schemas.ts";

export interface OpenApiOptions {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
  /** The URLs of the servers. */
  readonly servers?: readonly string[];
  /** Whether operations require a token if the contract says so. Default: true. If false, no operation does. */
  readonly signIn?: boolean;
  /** See the transcoder's option. */
  readonly exposes?: (method: DescMethod) => boolean;
  /** See the transcoder's option. */
  readonly defaultCurrency?: string | undefined;
  /** Whether methods that the contract opens to guests need no token. Default: false. */
  readonly guests?: boolean;
  /** Examples, keyed by `package.Service.Method`. */
  readonly examples?: Readonly<Record<string, OperationExample>>;
}

export interface OperationExample {
  /** The request body. */
  readonly request?: JsonObject;
  /** The response body. */
  readonly response?: JsonObject;
  /** Parameter values, keyed by name. */
  readonly parameters?: Readonly<Record<string, string | number>>;
}

/** The methods that an OpenAPI path item supports. Bindings of custom patterns with other methods are omitted. */
const pathItemMethods = new Set(["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"]);

/**
 * The OpenAPI 3.1 document of the routes that a transcoder serves for these contracts. Descriptions are the contracts' comments, if the descriptors
 * contain source information. Constraints are their protovalidate rules.
 */
export function createOpenApi(services: readonly DescService[], options: OpenApiOptions): JsonObject {
  const { exposes = isExposed, signIn = true, guests = false, defaultCurrency } = options;
  const schemas = new SchemaBook({ defaultCurrency });
  const paths: Record<string, JsonObject> = {};
  const pathNames: PathNames = new Map();
  const served = services.filter((service) => service.methods.some(exposes));
  for (const service of served) {
    for (const method of service.methods.filter(exposes)) {
      for (const [index, binding] of methodBindings(method).entries()) {
        addOperation(paths, {
          binding,
          index,
          schemas,
          pathNames,
          signIn,
          guests,
          creation: creationOf(binding, exposes),
          example: options.examples?.[fullName(method)],
        });
      }
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: options.title,
      version: options.version,
      ...(options.description === undefined ? {} : { description: options.description }),
    },
    ...(options.servers === undefined ? {} : { servers: options.servers.map((url) => ({ url })) }),
    tags: served.map((service) => ({ name: service.name, description: commentOf(service) || service.typeName })),
    paths,
    components: {
      schemas: { Error: errorSchema, ...schemas.components() },
      ...(signIn ? { securitySchemes } : {}),
      parameters: sharedParameters,
    },
  };
}

const securitySchemes: JsonObject = {
  bearer: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "An access token, as returned by a sign-in.",
  },
};

/** `package.Service.Method`: the key of a method in the options. */
function fullName(method: DescMethod): string {
  return `${method.parent.typeName}.${method.name}`;
}

interface OperationSource {
  readonly binding: Binding;
  readonly index: number;
  readonly schemas: SchemaBook;
  readonly pathNames: PathNames;
  readonly signIn: boolean;
  readonly guests: boolean;
  readonly creation: Creation | undefined;
  readonly example: OperationExample | undefined;
}

function addOperation(paths: Record<string, JsonObject>, source: OperationSource): void {
  const { binding, schemas, pathNames } = source;
  if (!pathItemMethods.has(binding.httpMethod)) {
    return;
  }
  const { path, parameters } = openApiPath(binding, schemas, pathNames);
  const item = paths[path] ?? {};
  item[binding.httpMethod.toLowerCase()] = operation(source, parameters);
  paths[path] = item;
}

function operation(
  { binding, index, schemas, signIn, guests, creation, example }: OperationSource,
  pathParameters: readonly JsonObject[],
): JsonObject {
  const { method } = binding;
  const comment = commentOf(method);
  const parameters = [...pathParameters, ...queryParameters(binding, schemas)].map((each) =>
    withExample(each, example),
  );
  return {
    // Stable: the method's name, and a number for additional bindings.
    operationId: `${method.parent.name}_${method.name}${index === 0 ? "" : `_${index + 1}`}`,
    tags: [method.parent.name],
    ...(comment === "" ? {} : { summary: firstSentence(comment), description: comment }),
    parameters: [...parameters, ...sharedReferences(binding)],
    ...requestBodyOf(binding, { schemas, creation, example: example?.request }),
    responses: responsesOf(binding, { schemas, signIn, creation, example: example?.response }),
    ...(signIn ? securityOf(method, guests) : {}),
  };
}

function firstSentence(comment: string): string {
  return (/^.*?\.(?=\s|$)/s.exec(comment)?.[0] ?? comment).replace(/\.$/, "");
}

function withExample(parameter: JsonObject, example: OperationExample | undefined): JsonObject {
  const value = example?.parameters?.[String(parameter.name)];
  return value === undefined ? parameter : { ...parameter, example: value };
}

interface RequestBodySource extends Pick<OperationSource, "schemas" | "creation"> {
  readonly example: JsonObject | undefined;
}

function requestBodyOf(binding: Binding, { schemas, creation, example }: RequestBodySource): JsonObject {
  const { body, pathFields, method } = binding;
  if (body === "none") {
    return {};
  }
  if (isHttpBody(body === "all" ? method.input : body)) {
    return { requestBody: { required: false, content: { "*/*": { schema: {} } } } };
  }
  const inPath = new Set(pathFields.filter(({ fields }) => fields.length === 1).map(({ name }) => name));
  const schema = body !== "all" ? bodySchema(binding, body, schemas) : schemas.request(method.input, inPath);
  const content = { schema, ...(example === undefined ? {} : { example }) };
  // A Create method needs a body even if no single field is required.
  const required = creation !== undefined || needsBody(binding, inPath);
  return { requestBody: { required, content: { "application/json": content } } };
}

/** For a resource that a PATCH updates, only the fields that it can update. */
function bodySchema(binding: Binding, body: DescField, schemas: SchemaBook): JsonObject {
  const patch = patchOf(binding);
  if (patch === undefined) {
    return schemas.requestField(body);
  }
  const { resource, changeable } = patch;
  const fixed = resource.fields.filter((field) => !changeable.includes(field) && field.name !== "etag");
  const { description } = schemas.field(body);
  const schema = schemas.messageWithout(resource, new Set(fixed.map(({ name }) => name)));
  return { ...schema, ...(description === undefined ? {} : { description }) };
}

function needsBody({ body, method }: Binding, inPath: ReadonlySet<string>): boolean {
  const inBody = typeof body === "object" ? [body] : method.input.fields.filter(({ name }) => !inPath.has(name));
  return (
    inBody.some((field) => isRequired(rulesOf(field))) ||
    method.input.oneofs.some((oneof) => oneof.fields.every((field) => inBody.includes(field)) && isOneofRequired(oneof))
  );
}

/** Headers that every operation accepts. */
const sharedParameters: JsonObject = {
  ServerTimeout: {
    name: "X-Server-Timeout",
    in: "header",
    description: "The deadline of the call, in seconds. It cannot exceed the timeout in the contract.",
    schema: { type: "string", pattern: "^(?=.*[1-9])[0-9]{1,9}(\\.[0-9]{1,9})?$" },
  },
  RequestId: {
    name: "X-Request-Id",
    in: "header",
    description:
      "Identifies the call in logs: up to 128 visible ASCII characters. " +
      "If it is missing or invalid, the server generates one. The response contains it, too.",
    schema: { type: "string" },
  },
  IfMatch: {
    name: "If-Match",
    in: "header",
    description:
      "The call changes the resource only if it still has this ETag, or one of several, separated by commas. " +
      "Otherwise the status is 412.",
    schema: { type: "string" },
  },
  IfNoneMatch: {
    name: "If-None-Match",
    in: "header",
    description: "The ETag of a response that the client has. If it still matches, the status is 304, without a body.",
    schema: { type: "string" },
  },
  LastEventId: {
    name: "Last-Event-ID",
    in: "header",
    description:
      "Resumes a stream after this position, that of the last message received. The same as `after_position`.",
    schema: { type: "string" },
  },
};

function sharedReferences(binding: Binding): JsonObject[] {
  const streams = binding.method.methodKind === "server_streaming";
  const names = [
    "ServerTimeout",
    "RequestId",
    ...(streams ? ["LastEventId"] : []),
    ...(!streams && binding.httpMethod === "GET" ? ["IfNoneMatch"] : []),
    ...(binding.httpMethod !== "GET" && etagField(binding) !== undefined ? ["IfMatch"] : []),
  ];
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

const accessNames: Readonly<Partial<Record<Caller, string>>> = {
  [Caller.PUBLIC]: "everyone",
  [Caller.SIGNED_IN]: "signed-in users",
  [Caller.OWNER]: "the owner, and admins",
  [Caller.ADMIN]: "admins",
};

function securityOf(method: DescMethod, guests: boolean): JsonObject {
  const caller = callerOf(method);
  const forGuests = guests && methodPolicy(method).access.guests;
  const access = forGuests ? `${accessNames[caller]}; guests for themselves` : accessNames[caller];
  return {
    // An empty requirement makes the token optional.
    security: caller === Caller.PUBLIC ? [] : [{ bearer: [] }, ...(forGuests ? [{}] : [])],
    ...(access === undefined ? {} : { "x-access": access }),
  };
}
