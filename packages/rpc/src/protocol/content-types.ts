/** The protocol and codec in a `content-type`. */
export interface ContentType {
  readonly protocol: "grpc" | "grpc-web" | "connect";
  readonly codec: "proto" | "json";
  /** gRPC-Web over text-only channels: the body is base64. */
  readonly text: boolean;
  /** Connect's enveloped form, for streams. gRPC and gRPC-Web have the same form for unary calls and streams. */
  readonly enveloped: boolean;
}

/** A media type and its parameters (RFC 9110, section 8.3.1). */
const mediaType = /^([^\s;]+)\s*((?:;\s*(?:[^\s;="]+=(?:"(?:[^"\\]|\\.)*"|[^\s;"]*)\s*)?)*)$/;
const charset = /;\s*charset="?([^\s;"]*)/i;
const name = /^application\/(?:(grpc-web-text|grpc-web|grpc)(?:\+(?:(json)|proto))?|(connect\+)?(?:(json)|proto))$/;

/** Parses a `content-type`; undefined if it is not supported (415). */
export function parseContentType(value: string): ContentType | undefined {
  return known.get(value) ?? match(value);
}

/** The `content-type` of a response of this kind. */
export function formatContentType({ protocol, codec, text, enveloped }: ContentType): string {
  if (protocol === "connect") {
    return `application/${enveloped ? "connect+" : ""}${codec}`;
  }
  return `application/${protocol}${text ? "-text" : ""}+${codec}`;
}

function match(value: string): ContentType | undefined {
  const [, type = "", parameters = ""] = mediaType.exec(value) ?? [];
  const found = name.exec(type.toLowerCase());
  if (found === null || !isUtf8(charset.exec(parameters)?.[1])) {
    return undefined;
  }
  const [, grpc, grpcJson, enveloped, json] = found;
  return {
    protocol: grpc === undefined ? "connect" : grpc === "grpc" ? "grpc" : "grpc-web",
    codec: grpcJson === undefined && json === undefined ? "proto" : "json",
    text: grpc === "grpc-web-text",
    enveloped: grpc !== undefined || enveloped !== undefined,
  };
}

/** JSON is UTF-8 (RFC 8259, section 8.1); other parameters have no effect. */
function isUtf8(value = "utf-8"): boolean {
  return /^utf-?8$/i.test(value);
}

// The spellings that clients really send are looked up, not matched: this runs once for each call.
const known: ReadonlyMap<string, ContentType> = new Map(
  [
    "application/grpc",
    "application/grpc+proto",
    "application/grpc+json",
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web+json",
    "application/grpc-web-text",
    "application/grpc-web-text+proto",
    "application/json",
    "application/proto",
    "application/connect+json",
    "application/connect+proto",
  ].flatMap((value) => {
    const type = match(value);
    return type === undefined ? [] : [[value, type] as const];
  }),
);
