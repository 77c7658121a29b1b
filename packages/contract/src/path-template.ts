/** A parsed path template of `google.api.http`. */
export interface PathTemplate {
  /** The template as written. */
  readonly source: string;
  /** The pattern of each segment of a path. A `rest` is always the last. */
  readonly segments: readonly TemplateSegment[];
  /** The verb after the last colon, decoded. Empty if there is none. */
  readonly verb: string;
  /** The variables, and the request fields that they fill. */
  readonly variables: readonly TemplateVariable[];
}

/** A segment: literal text (decoded), `*` (one segment, not empty), or `**` (zero or more). */
export type TemplateSegment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "one" }
  | { readonly kind: "rest" };

/** A variable, for example `{name=shelves/*}`. */
export interface TemplateVariable {
  /** The names of the fields on the path, as the template writes them. */
  readonly fieldPath: readonly string[];
  /** The index of its first segment. */
  readonly start: number;
  /** The index after its last segment. If that is a `**`, it takes the rest of the path. */
  readonly end: number;
  /** Whether it may contain several segments: then "%2F" stays encoded in its value. */
  readonly multi: boolean;
}

/** A template with invalid syntax. */
export class PathTemplateError extends Error {
  override readonly name = "PathTemplateError";
}

/** The most segments of a template, and hence of a path that matches. No API nests so deep. */
export const pathSegmentsMax = 64;

/** The characters of a URL's path segment (RFC 3986 `pchar`) except ":" and "*", which the grammar uses itself. */
const literalPattern = /(?:[A-Za-z0-9\-._~!$&'()+,;=@]|%[0-9A-Fa-f]{2})+/y;
const identifierPattern = /[A-Za-z_][A-Za-z0-9_]*/y;

/**
 * Parses a template by the grammar in google/api/http.proto ("Path template syntax"). Throws {@link PathTemplateError}
 * with the template and the position.
 */
export function parsePathTemplate(source: string): PathTemplate {
  return new TemplateParser(source).parse();
}

class TemplateParser {
  readonly #source: string;
  #position = 0;
  readonly #segments: TemplateSegment[] = [];
  readonly #variables: TemplateVariable[] = [];

  constructor(source: string) {
    this.#source = source;
  }

  parse(): PathTemplate {
    this.#expect("/");
    this.#parseSegments(true);
    const verb = this.#accept(":") ? this.#literal("a verb") : "";
    if (this.#position < this.#source.length) {
      this.#fail(`unexpected "${this.#source[this.#position]}"`);
    }
    return { source: this.#source, segments: this.#segments, verb, variables: this.#variables };
  }

  #parseSegments(variablesAllowed: boolean): void {
    do {
      if (this.#segments.at(-1)?.kind === "rest") {
        this.#fail('"**" must be the last segment');
      }
      if (this.#segments.length >= pathSegmentsMax) {
        this.#fail(`more than ${pathSegmentsMax} segments`);
      }
      if (this.#accept("**")) {
        this.#segments.push({ kind: "rest" });
      } else if (this.#accept("*")) {
        this.#segments.push({ kind: "one" });
      } else if (this.#accept("{")) {
        if (!variablesAllowed) {
          this.#fail("a variable must not contain another");
        }
        this.#parseVariable();
      } else {
        this.#segments.push({ kind: "literal", text: this.#literal("a segment") });
      }
    } while (this.#accept("/"));
  }

  #parseVariable(): void {
    const fieldPath = [this.#identifier()];
    while (this.#accept(".")) {
      fieldPath.push(this.#identifier());
    }
    if (this.#variables.some((other) => other.fieldPath.join(".") === fieldPath.join("."))) {
      this.#fail(`the field ${fieldPath.join(".")} is bound twice`);
    }
    const start = this.#segments.length;
    if (this.#accept("=")) {
      this.#parseSegments(false);
    } else {
      this.#segments.push({ kind: "one" });
    }
    this.#expect("}");
    const end = this.#segments.length;
    const multi = end - start > 1 || this.#segments[start]?.kind === "rest";
    this.#variables.push({ fieldPath, start, end, multi });
  }

  #literal(what: string): string {
    const text = this.#match(literalPattern) ?? this.#fail(`${what} is missing`);
    try {
      return decodeURIComponent(text);
    } catch (cause) {
      throw new PathTemplateError(`${this.#source}: "${text}" is not percent-encoded UTF-8`, { cause });
    }
  }

  #identifier(): string {
    return this.#match(identifierPattern) ?? this.#fail("a field name is missing");
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#source)?.[0];
    this.#position += found?.length ?? 0;
    return found;
  }

  #accept(text: string): boolean {
    if (!this.#source.startsWith(text, this.#position)) {
      return false;
    }
    this.#position += text.length;
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) {
      this.#fail(`"${text}" is missing`);
    }
  }

  #fail(problem: string): never {
    throw new PathTemplateError(`${this.#source}: ${problem} at position ${this.#position}`);
  }
}
