import { type DescMethod, getOption, type JsonValue } from "@bufbuild/protobuf";
import { commandNameOf } from "@parley/contract";
import { client_property, command_group } from "@parley/gen/rpc/v1/options_pb.js";

/** The same call as code to copy. */
export interface Snippet {
  readonly name: string;
  readonly text: string;
}

export interface SnippetOptions {
  /** The gateway's URL. */
  readonly url: string;
  /** Whether the gateway requires a token. */
  readonly signIn: boolean;
}

export function snippetsOf(
  method: DescMethod,
  request: JsonValue,
  { url, signIn }: SnippetOptions,
): readonly Snippet[] {
  const { typeName } = method.parent;
  const streams = method.methodKind !== "unary";
  const json = quoted(JSON.stringify(request));
  const path = `${typeName}/${method.name}`;
  const host = url.replace(/^https?:\/\//, "");
  const token = signIn ? ` -H "authorization: Bearer $TOKEN"` : "";
  const platform = /^(rpc|gateway)\./.test(typeName);
  return [
    {
      name: "curl",
      // A stream's messages are enveloped (Connect protocol, "Streaming Request"), which curl does not support.
      text: streams
        ? `npx buf curl${token} -d ${json} ${url}/${path}`
        : `curl ${url}/${path} -H 'content-type: application/json'${token} -d ${json}`,
    },
    {
      name: "buf curl",
      text: `npx buf curl --protocol grpc --http2-prior-knowledge${token} -d ${json} ${url}/${path}`,
    },
    { name: "grpcurl", text: `grpcurl -plaintext${token} -d ${json} ${host} ${path}` },
    { name: "TypeScript", text: typeScript(method, request, { url, signIn }) },
    ...(platform
      ? []
      : [{ name: "parley", text: `npx parley ${group(method)} ${commandNameOf(method)} --data ${json}` }]),
  ];
}

/** Quotes text with single quotes, for POSIX shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function typeScript(method: DescMethod, request: JsonValue, { url, signIn }: SnippetOptions): string {
  const { name } = method.parent;
  const property = getOption(method.parent, client_property) || lowerFirst(name.replace(/Service$/, ""));
  const token = signIn ? ", token: accessToken" : "";
  const input = method.input;
  const call = `parley.${property}.${method.localName}(fromJson(${input.name}Schema, ${JSON.stringify(request, undefined, 2)}))`;
  const lines =
    method.methodKind === "server_streaming"
      ? [`for await (const answer of ${call}) {`, "  console.log(answer);", "}"]
      : [`console.log(await ${call});`];
  return [
    `import { fromJson } from "@bufbuild/protobuf";`,
    `import { createParleyClient, ${input.name}Schema } from "@parley/client";`,
    "",
    `const parley = createParleyClient({ baseUrl: ${JSON.stringify(url)}${token} });`,
    ...lines,
  ].join("\n");
}

function group({ parent }: DescMethod): string {
  const words = parent.name.replace(/Service$/, "").split(/(?=[A-Z])/);
  return getOption(parent, command_group) || words.join("-").toLowerCase();
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
