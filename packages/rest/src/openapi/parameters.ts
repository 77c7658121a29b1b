import type { DescField, DescMessage, JsonObject } from "@bufbuild/protobuf";
import type { Binding, PathField } from "@parley/contract";
import { isRequired, isTextField, isTextMessage, protoPath, rulesOf } from "@parley/contract";
import type { SchemaBook } from "./schemas.ts";

/** A binding's path in OpenAPI syntax, and its parameters. */
export interface OpenApiPath {
  readonly path: string;
  readonly parameters: readonly JsonObject[];
}

/** The parameter names of earlier paths, keyed by the path without names. */
export type PathNames = Map<string, readonly string[]>;

/**
 * OpenAPI parameters match one segment: a variable like `{name=shelves/*}` becomes its literals and a parameter for each wildcard. OpenAPI forbids
 * two paths that differ only in parameter names (OpenAPI 3.1, "Path Templating Matching"): `{product.id}` becomes `{id}` if an earlier path uses
 * that name.
 */
export function openApiPath(binding: Binding, schemas: SchemaBook, pathNames: PathNames): OpenApiPath {
  const parameters: JsonObject[] = [];
  const { template } = binding;
  const shape = JSON.stringify([template.segments, template.verb]);
  const before = pathNames.get(shape);
  const names: string[] = [];
  const segments = template.segments.map((segment, index) => {
    if (segment.kind === "literal") {
      return encodeURIComponent(segment.text);
    }
    const bound = binding.pathFields.find(({ variable }) => index >= variable.start && index < variable.end);
    const name = before?.[names.length] ?? parameterName(bound, index);
    names.push(name);
    parameters.push(pathParameter({ name, bound, rest: segment.kind === "rest", schemas }));
    return `{${name}}`;
  });
  pathNames.set(shape, names);
  const verb = template.verb === "" ? "" : `:${encodeURIComponent(template.verb)}`;
  return { path: `/${segments.join("/")}${verb}`, parameters };
}

function parameterName(bound: PathField | undefined, index: number): string {
  if (bound === undefined) {
    return `segment_${index}`;
  }
  const { start, end } = bound.variable;
  // No dots: some OpenAPI tools interpret them as property access.
  const name = bound.name.replaceAll(".", "_");
  return end - start === 1 ? name : `${name}_${index - start + 1}`;
}

interface PathParameter {
  readonly name: string;
  readonly bound: PathField | undefined;
  readonly rest: boolean;
  readonly schemas: SchemaBook;
}

function pathParameter({ name, bound, rest, schemas }: PathParameter): JsonObject {
  const field = bound?.fields.at(-1);
  const whole = field !== undefined && bound?.variable.multi === false;
  const { description, ...schema } = whole ? schemas.field(field) : { type: "string", description: "" };
  const text = rest ? "One or several segments." : description;
  return {
    name,
    in: "path",
    required: true,
    // A path segment is never empty, even if the field's rules allow it.
    schema: { ...schema, ...(schema.type === "string" && !("minLength" in schema) ? { minLength: 1 } : {}) },
    ...(typeof text === "string" && text !== "" ? { description: text } : {}),
  };
}

/** The maximum nesting of documented parameters. Requests may use deeper ones. */
const depthMax = 4;

/** The query parameters of a binding: all fields that neither path nor body binds. */
export function queryParameters(binding: Binding, schemas: SchemaBook): JsonObject[] {
  if (binding.body === "all") {
    return [];
  }
  const bound = new Set(binding.pathFields.map(({ name }) => name));
  return collect({ message: binding.method.input, above: [], bound, body: binding.body, schemas });
}

interface Collection {
  readonly message: DescMessage;
  readonly above: readonly DescField[];
  readonly bound: ReadonlySet<string>;
  readonly body: Binding["body"];
  readonly schemas: SchemaBook;
}

function collect(collection: Collection): JsonObject[] {
  const { message, above, bound, body, schemas } = collection;
  return message.fields.flatMap((field) => {
    const path = [...above, field];
    const name = protoPath(path);
    if (bound.has(name) || field === body) {
      return [];
    }
    if (isTextField(field)) {
      const { description, ...schema } = schemas.field(field);
      const required = above.length === 0 && isRequired(rulesOf(field));
      return [
        { name, in: "query", ...(required ? { required } : {}), schema, ...(description ? { description } : {}) },
      ];
    }
    const nested = field.fieldKind === "message" && !isTextMessage(field.message) ? field.message : undefined;
    const recursive = nested === message || above.some((each) => each.parent === nested);
    if (
      nested === undefined ||
      recursive ||
      path.length >= depthMax ||
      nested.file.name.startsWith("google/protobuf/")
    ) {
      return [];
    }
    return collect({ ...collection, message: nested, above: path });
  });
}
