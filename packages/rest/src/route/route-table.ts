import type { PathTemplate } from "@parley/contract";

/** The result of matching a path and an HTTP method. */
export type RouteMatch<T> =
  | { readonly kind: "found"; readonly value: T; readonly segments: readonly string[] }
  /** The path exists, but not with this method. `allow` lists its methods, sorted. */
  | { readonly kind: "wrong-method"; readonly allow: readonly string[] }
  | { readonly kind: "none" };

/** Two routes match the same requests. */
export class RouteConflictError extends Error {
  override readonly name = "RouteConflictError";
}

/** Instead of an HTTP method: matches every method without a route of its own. */
export const anyMethod = "*";

/** No template has more segments. A path with more matches only a `**`. */
export const requestSegmentsMax = 256;

/** Keyed by verb, then by HTTP method. */
type Ends<T> = Map<string, Map<string, T>>;

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  one: Node<T> | undefined;
  readonly ends: Ends<T>;
  readonly restEnds: Ends<T>;
}

/**
 * Finds the route of a path in a tree with a level for each segment. If several templates match, the leftmost segment in which they differ decides:
 * a literal precedes `*`, and `*` precedes `**`. A match visits each node of the tree at most once, for any path.
 */
export class RouteTable<T> {
  readonly #root: Node<T> = newNode();
  readonly #describe: (value: T) => string;
  readonly #templates = new Set<string>();

  /** `describe` names a route's value in errors. */
  constructor(describe: (value: T) => string) {
    this.#describe = describe;
  }

  /** Adds a route. Throws {@link RouteConflictError} if the paths and the method already have one. */
  add(httpMethod: string, template: PathTemplate, value: T): void {
    let node = this.#root;
    let ends = node.ends;
    for (const segment of template.segments) {
      if (segment.kind === "rest") {
        ends = node.restEnds;
      } else {
        node = segment.kind === "literal" ? literalChild(node, segment.text) : oneChild(node);
        ends = node.ends;
      }
    }
    let byMethod = ends.get(template.verb);
    if (byMethod === undefined) {
      byMethod = new Map();
      ends.set(template.verb, byMethod);
    }
    const other = byMethod.get(httpMethod);
    if (other !== undefined) {
      throw new RouteConflictError(
        `${httpMethod} ${template.source} is bound twice, by ${this.#describe(other)} and ${this.#describe(value)}`,
      );
    }
    byMethod.set(httpMethod, value);
    this.#templates.add(template.source);
  }

  /** The templates of all routes, for example `/orders/{order_id}`. */
  get templates(): readonly string[] {
    return [...this.#templates];
  }

  /** Finds the route of an undecoded path, with its leading slash, without the query. */
  match(httpMethod: string, path: string): RouteMatch<T> {
    if (!path.startsWith("/")) {
      return { kind: "none" };
    }
    const segments = path === "/" ? [] : path.slice(1).split("/");
    if (segments.length > requestSegmentsMax) {
      return { kind: "none" };
    }
    const last = segments.at(-1) ?? "";
    const colon = last.lastIndexOf(":");
    if (colon >= 0) {
      // A template with this verb has precedence. A path that matches only such a template is not matched without the verb.
      const stripped = [...segments.slice(0, -1), last.slice(0, colon)];
      const match = this.#find(httpMethod, stripped, decoded(last.slice(colon + 1)));
      if (match.kind !== "none") {
        return match;
      }
    }
    return this.#find(httpMethod, segments, "");
  }

  #find(httpMethod: string, segments: readonly string[], verb: string | undefined): RouteMatch<T> {
    if (verb === undefined) {
      return { kind: "none" };
    }
    const search: Search<T> = { httpMethod, segments, verb, allow: new Set(), found: undefined };
    if (descend(search, this.#root, 0)) {
      return { kind: "found", value: search.found as T, segments };
    }
    return search.allow.size === 0 ? { kind: "none" } : { kind: "wrong-method", allow: [...search.allow].sort() };
  }
}

interface Search<T> {
  readonly httpMethod: string;
  readonly segments: readonly string[];
  readonly verb: string;
  readonly allow: Set<string>;
  found: T | undefined;
}

function descend<T>(search: Search<T>, node: Node<T>, depth: number): boolean {
  const segment = search.segments[depth];
  if (segment === undefined) {
    return end(search, node.ends) || end(search, node.restEnds);
  }
  const literal = node.literals.size === 0 ? undefined : node.literals.get(decoded(segment) ?? "");
  if (literal !== undefined && descend(search, literal, depth + 1)) {
    return true;
  }
  if (node.one !== undefined && segment !== "" && descend(search, node.one, depth + 1)) {
    return true;
  }
  return end(search, node.restEnds);
}

function end<T>(search: Search<T>, ends: Ends<T>): boolean {
  const byMethod = ends.size === 0 ? undefined : ends.get(search.verb);
  if (byMethod === undefined) {
    return false;
  }
  const found = byMethod.get(search.httpMethod) ?? byMethod.get(anyMethod);
  if (found === undefined) {
    for (const method of byMethod.keys()) {
      search.allow.add(method);
    }
    return false;
  }
  search.found = found;
  return true;
}

/** The decoded segment. Undefined if it is not percent-encoded UTF-8, so that no literal equals it. */
function decoded(segment: string): string | undefined {
  if (!segment.includes("%")) {
    return segment;
  }
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function newNode<T>(): Node<T> {
  return { literals: new Map(), one: undefined, ends: new Map(), restEnds: new Map() };
}

function literalChild<T>(node: Node<T>, text: string): Node<T> {
  let child = node.literals.get(text);
  if (child === undefined) {
    child = newNode();
    node.literals.set(text, child);
  }
  return child;
}

function oneChild<T>(node: Node<T>): Node<T> {
  node.one ??= newNode();
  return node.one;
}
