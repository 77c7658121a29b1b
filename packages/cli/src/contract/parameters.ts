import { type DescField, type DescMessage, type DescMethod, ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { type Binding, isRequired, methodBindings, rulesOf, singular } from "@parley/contract";

/** A field of a request, as it is given on the command line. */
export interface Parameter {
  /** The way to it from the request. */
  readonly path: readonly DescField[];
  /** Without dashes in front, for example `user-id` or `price`. */
  readonly flag: string;
  /** A shorter form: `user` for `user-id`. */
  readonly alias?: string;
  /**
   * `value`: one; `list`: one each time that it is given; `pairs`: two fields with `=` between them, each time; `mask`: the
   * names of the fields that change; `json`: what has no other form.
   */
  readonly kind: "value" | "list" | "pairs" | "mask" | "json";
  /** Whether a request without it is refused. */
  readonly required: boolean;
  /** Whether it may stand without its flag, after the method's name. */
  readonly positional: boolean;
  /** Whether a new one is made where none is given, so that the call can be repeated: `request_id`. */
  readonly generated: boolean;
}

/** How deep messages in messages get flags of their own; what lies deeper is given as JSON. */
const depthMax = 4;

/** Messages that have a text form. */
const textMessages = new Set(["google.type.Money", "google.protobuf.Timestamp", "google.protobuf.Duration"]);

/** What a method takes, derived from its contract: its request's fields, and for what stands in its REST path, a place. */
export function parametersOf(method: DescMethod): readonly Parameter[] {
  const [binding] = methodBindings(method);
  const found = method.input.fields.flatMap((field) => fieldParameters([field], { method, binding }));
  const named = withUniqueFlags(found);
  const positional = positionalPaths(named, binding);
  return named.map((parameter) => ({ ...parameter, positional: positional.has(pathOf(parameter)) }));
}

/** By proto names, for example `product.id`. */
export function pathOf({ path }: Pick<Parameter, "path">): string {
  return path.map(({ name }) => name).join(".");
}

/** How a parameter is named in what a user reads: `<order-id>` for one that stands without its flag, or the shorter form of the flag. */
export function namedOnCommandLine({ flag, alias, positional }: Parameter): string {
  return positional ? `<${flag}>` : `--${alias ?? flag}`;
}

interface Place {
  readonly method: DescMethod;
  readonly binding: Binding | undefined;
}

function fieldParameters(path: readonly DescField[], place: Place): readonly Parameter[] {
  const field = path.at(-1);
  if (field === undefined) {
    return [];
  }
  const kind = kindOf(field);
  if (kind === undefined && field.fieldKind === "message" && path.length < depthMax) {
    return changeable(field, place).flatMap((inner) => fieldParameters([...path, inner], place));
  }
  const flag = flagOf(path, place);
  const inUpdate = field.message?.typeName === "google.protobuf.FieldMask";
  return [
    {
      path,
      flag: kind === "list" || kind === "pairs" ? singularFlag(flag) : flag,
      kind: inUpdate ? "mask" : (kind ?? "json"),
      required: isRequired(rulesOf(field)) || isInPath(path, place),
      positional: false,
      generated: path.length === 1 && field.name === "request_id",
    },
  ];
}

/** Undefined for a message whose fields have flags of their own. */
function kindOf(field: DescField): Parameter["kind"] | undefined {
  switch (field.fieldKind) {
    case "scalar":
    case "enum":
      return "value";
    case "message":
      return hasText(field.message) ? "value" : undefined;
    case "list":
      if (field.listKind !== "message" || hasText(field.message)) {
        return "list";
      }
      return pairOf(field.message) === undefined ? "json" : "pairs";
    case "map":
      return "json";
  }
}

function hasText(message: DescMessage): boolean {
  return (
    textMessages.has(message.typeName) || message.typeName === "google.protobuf.FieldMask" || isWrapperDesc(message)
  );
}

/** The two fields of a message that is no more than a name and a number of it, as `101=2`. */
export function pairOf(message: DescMessage): readonly [DescField, DescField] | undefined {
  const [name, value, more] = message.fields;
  if (name === undefined || value === undefined || more !== undefined) {
    return undefined;
  }
  const isPair = name.fieldKind === "scalar" && name.scalar === ScalarType.STRING && value.fieldKind === "scalar";
  return isPair ? [name, value] : undefined;
}

/**
 * The fields of a message that a call may set. Where a field mask goes with it, those are the fields that the mask's rule
 * names, what is in the path, and the etag; the others are the server's.
 */
function changeable(field: DescField & { fieldKind: "message" }, { method, binding }: Place): readonly DescField[] {
  const mask = method.input.fields.find(({ message }) => message?.typeName === "google.protobuf.FieldMask");
  const rule = mask === undefined ? undefined : rulesOf(mask)?.type;
  if (rule?.case !== "fieldMask" || binding === undefined || !isBody(field, binding)) {
    return field.message.fields;
  }
  const names = new Set([...rule.value.in.map((path) => path.split(".")[0]), "etag"]);
  return field.message.fields.filter(
    (inner) => names.has(inner.name) || binding.pathFields.some(({ name }) => name === `${field.name}.${inner.name}`),
  );
}

function isBody(field: DescField, { body }: Binding): boolean {
  return typeof body === "object" && body.name === field.name;
}

/** Dots between the parts; without the part that the contract makes the body of REST calls: `--name` of `product.name`. */
function flagOf(path: readonly DescField[], { binding }: Place): string {
  const [first, ...rest] = path;
  const inBody = first !== undefined && binding !== undefined && isBody(first, binding);
  return (inBody && rest.length > 0 ? rest : path).map(({ name }) => name.replaceAll("_", "-")).join(".");
}

function singularFlag(flag: string): string {
  const words = flag.split("-");
  return [...words.slice(0, -1), singular(words.at(-1) ?? "")].join("-");
}

function isInPath(path: readonly DescField[], { binding }: Place): boolean {
  return binding?.pathFields.some(({ name }) => name === pathOf({ path })) ?? false;
}

/** Two fields that would have the same flag get their whole path; what ends in `-id` is known without that too. */
function withUniqueFlags(parameters: readonly Parameter[]): readonly Parameter[] {
  const count = (flag: string) => parameters.filter((other) => other.flag === flag).length;
  const unique = parameters.map((parameter) =>
    count(parameter.flag) === 1 ? parameter : { ...parameter, flag: pathOf(parameter).replaceAll("_", "-") },
  );
  const flags = new Set(unique.map(({ flag }) => flag));
  return unique.map((parameter) => {
    const alias = parameter.flag.endsWith("-id") && !parameter.generated ? parameter.flag.slice(0, -3) : undefined;
    return alias === undefined || flags.has(alias) ? parameter : { ...parameter, alias };
  });
}

/** What the REST path holds; or, where that is nothing, the one thing that there is to say. */
function positionalPaths(parameters: readonly Parameter[], binding: Binding | undefined): ReadonlySet<string> {
  const inPath = binding?.pathFields.map(({ name }) => name) ?? [];
  if (inPath.length > 0) {
    return new Set(inPath);
  }
  const [only, more] = parameters;
  const alone = only !== undefined && more === undefined && (only.kind === "value" || only.kind === "list");
  return new Set(alone ? [pathOf(only)] : []);
}
