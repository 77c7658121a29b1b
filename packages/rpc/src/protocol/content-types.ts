/** What a `content-type` says about a call. */
export interface ContentType {
  readonly protocol: "grpc" | "grpc-web" | "connect";
  readonly codec: "proto" | "json";
  /** gRPC-Web over channels that carry text alone: the body is base64. */
  readonly text: boolean;
  /** Connect's enveloped form, used for streams. gRPC and gRPC-Web look the same for unary calls and streams. */
  readonly enveloped: boolean;
}

const pattern =
  /^application\/(?:(grpc-web-text|grpc-web|grpc)(?:\+(?:(json)(?:; ?charset=utf-?8)?|proto))?|(connect\+)?(?:(json)(?:; ?charset=utf-?8)?|proto))$/i;

/** Reads a `content-type`; undefined where it is none of ours (415). */
export function parseContentType(value: string): ContentType | undefined {
  return known.get(value) ?? match(value);
}

/** Writes the `content-type` that an answer of this kind has. */
export function formatContentType({ protocol, codec, text, enveloped }: ContentType): string {
  if (protocol === "connect") {
    return `application/${enveloped ? "connect+" : ""}${codec}`;
  }
  return `application/${protocol}${text ? "-text" : ""}+${codec}`;
}

function match(value: string): ContentType | undefined {
  const found = pattern.exec(value);
  if (found === null) {
    return undefined;
  }
  const [, grpc, grpcJson, enveloped, json] = found;
  const name = grpc?.toLowerCase();
  return {
    protocol: name === undefined ? "connect" : name === "grpc" ? "grpc" : "grpc-web",
    codec: grpcJson === undefined && json === undefined ? "proto" : "json",
    text: name === "grpc-web-text",
    enveloped: name !== undefined || enveloped !== undefined,
  };
}

// The spellings that clients really send are looked up, not matched: this is asked once a call.
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
