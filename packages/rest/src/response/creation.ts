import type { DescField, DescMessage, DescMethod, Message } from "@bufbuild/protobuf";
import { type Binding, methodBindings, type PathField } from "@parley/contract";
import type { RestResponse } from "../http.ts";

/**
 * The result of a standard Create method (https://google.aip.dev/133). REST answers such a call with 201 and the resource's URL in `Location` (RFC
 * 9110, section 15.3.2), where gRPC transcoding would answer 200: a deliberate exception.
 */
export interface Creation {
  /** The bindings of the Get method that reads the resource. None: the response has no `Location`. */
  readonly places: readonly Binding[];
  /** The field of the response with the resource. Undefined if the response is the resource. */
  readonly holder: DescField | undefined;
  readonly resource: DescMessage;
}

/**
 * The creation of a binding: a POST with a body to the unary method `CreateX` whose response is, or has as its only field, a message `X`. Undefined
 * for every other binding. `exposes` returns whether a method is served: only a served `GetX` of the same service has a URL.
 */
export function creationOf(binding: Binding, exposes: (method: DescMethod) => boolean): Creation | undefined {
  const { method, httpMethod, body, responseBody, template } = binding;
  const noun = /^Create([A-Z]\w*)$/.exec(method.name)?.[1];
  const isPost = httpMethod === "POST" && body !== "none" && template.verb === "";
  if (noun === undefined || !isPost || method.methodKind !== "unary" || responseBody !== undefined) {
    return undefined;
  }
  const made = madeBy(method.output, noun);
  const get = method.parent.methods.find(({ name }) => name === `Get${noun}`);
  return made && { ...made, places: get === undefined || !exposes(get) ? [] : methodBindings(get).filter(isPlainRead) };
}

/** The messages of a call that made a resource, and the resource's entity tag. */
export interface CreatedBy {
  readonly request: Message;
  readonly output: Message;
  readonly tag: string | undefined;
}

/** The response with status 201, and with the URL and the ETag of the new resource. A repeated request gets the same. */
export function created(response: RestResponse, creation: Creation, { request, output, tag }: CreatedBy): RestResponse {
  const location = locationOf(creation, request, output);
  const headers = {
    ...response.headers,
    ...(location === undefined ? {} : { location }),
    ...(tag === undefined ? {} : { etag: tag }),
  };
  return { ...response, status: 201, headers };
}

/** The URL of a created resource: an absolute path. Undefined if no Get method is served for it. */
function locationOf({ places, holder }: Creation, request: Message, output: Message): string | undefined {
  const made = holder === undefined ? output : (output as unknown as Fields)[holder.localName];
  return made === undefined
    ? undefined
    : places.map((place) => pathTo(place, made as Message, request)).find((path) => path !== undefined);
}

type Fields = Readonly<Record<string, unknown>>;

function madeBy(output: DescMessage, noun: string): Pick<Creation, "holder" | "resource"> | undefined {
  if (output.name === noun) {
    return { holder: undefined, resource: output };
  }
  const [only, ...more] = output.fields;
  const isHolder = more.length === 0 && only?.fieldKind === "message" && only.message.name === noun;
  return isHolder ? { holder: only, resource: only.message } : undefined;
}

function isPlainRead({ httpMethod, template }: Binding): boolean {
  return httpMethod === "GET" && template.verb === "";
}

function pathTo({ template, pathFields }: Binding, resource: Message, request: Message): string | undefined {
  const parts = template.segments.map((segment) =>
    segment.kind === "literal" ? encodeURIComponent(segment.text) : "",
  );
  for (const { variable, name } of pathFields) {
    const value = variableValue(name, resource, request);
    if (value === undefined) {
      return undefined;
    }
    parts.fill("", variable.start, variable.end);
    parts[variable.start] = variable.multi
      ? value.split("/").map(encodeURIComponent).join("/")
      : encodeURIComponent(value);
  }
  return `/${parts.filter((part) => part !== "").join("/")}`;
}

/** A path variable's value: of the resource's own field, of its `id` for `product_id`, or else of the request, for a parent. */
function variableValue(name: PathField["name"], resource: Message, request: Message): string | undefined {
  const isId = name === `${snakeCase(resource)}_id`;
  const values = [textField(resource, isId ? "id" : name), textField(request, name)];
  return values.find((value) => value !== undefined && value !== "");
}

function snakeCase({ $typeName }: Message): string {
  const name = $typeName.slice($typeName.lastIndexOf(".") + 1);
  return name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toLowerCase();
}

function textField(message: Message, name: string): string | undefined {
  const value = (message as unknown as Fields)[
    name.replaceAll(/_([a-z0-9])/g, (_match, char: string) => char.toUpperCase())
  ];
  return typeof value === "string"
    ? value
    : typeof value === "bigint" || typeof value === "number"
      ? String(value)
      : undefined;
}
