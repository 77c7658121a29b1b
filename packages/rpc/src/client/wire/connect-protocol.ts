import { Code, ConnectError } from "@connectrpc/connect";
import { errorFromJsonBytes } from "@connectrpc/connect/protocol-connect";
import { codeFromHttpStatus } from "../../protocol/codes.ts";
import { headersFromNode } from "../../protocol/metadata.ts";
import { formatConnectTimeout } from "../../protocol/timeouts.ts";
import { gunzip, gzip, tooLarge } from "./gzip.ts";
import type { HttpAnswer, NodeFields } from "./unary-answer.ts";
import { fieldOf, type IncomingMessage, type UnaryProtocol, type WireOptions } from "./unary-protocol.ts";

/** An error's JSON may be this large whatever the message limit is. */
const errorBytesMin = 64 << 10;
const jsonType = /^application\/json(?:; ?charset=utf-?8)?$/i;

/** The Connect protocol, unary, by POST. */
export function connectProtocol(options: WireOptions): UnaryProtocol {
  return {
    fields: [
      "content-type",
      `application/${options.codec}`,
      "connect-protocol-version",
      "1",
      "user-agent",
      options.userAgent,
      ...(options.acceptGzip ? ["accept-encoding", "gzip"] : []),
    ],
    timeoutName: "connect-timeout-ms",
    formatTimeout: formatConnectTimeout,
    bodyBytesMax: Math.max(options.readBytesMax, errorBytesMin),
    frame(message) {
      if (options.sendGzip && message.length >= options.gzipBytesMin) {
        return { bytes: gzip(message), fields: gzipFields };
      }
      return { bytes: Buffer.from(message.buffer, message.byteOffset, message.length), fields: noFields };
    },
    read: (answer) => readAnswer(answer, options),
  };
}

const noFields: readonly string[] = [];
const gzipFields: readonly string[] = ["content-encoding", "gzip"];

function readAnswer(answer: HttpAnswer, options: WireOptions): IncomingMessage {
  const { status, headers } = answer;
  const contentType = fieldOf(headers, "content-type") ?? "";
  const isJson = jsonType.test(contentType);
  if (status !== 200) {
    throw readError(answer, isJson, options);
  }
  const expected = options.codec === "json" ? isJson : contentType === "application/proto";
  if (!expected) {
    const code =
      isJson || contentType === "application/proto" || contentType.startsWith("application/connect+")
        ? Code.Internal
        : Code.Unknown;
    throw new ConnectError(`unsupported content type ${JSON.stringify(contentType)}`, code, headersFromNode(headers));
  }
  const bytes = decompress(answer, options);
  if (bytes.length > options.readBytesMax) {
    throw tooLarge(options.readBytesMax);
  }
  return { bytes, ...splitTrailers(headers) };
}

function readError(answer: HttpAnswer, isJson: boolean, options: WireOptions): ConnectError {
  const { header, trailer } = splitTrailers(answer.headers);
  const metadata = headersFromNode(header);
  for (const [name, value] of headersFromNode(trailer)) {
    metadata.append(name, value);
  }
  const fallback = new ConnectError(httpWords(answer), codeFromHttpStatus(answer.status), metadata);
  if (!isJson) {
    return fallback;
  }
  try {
    return errorFromJsonBytes(decompress(answer, options), metadata, fallback);
  } catch {
    return fallback;
  }
}

/** A response that is not a Connect error: its status, and its text, if any. */
function httpWords({ status, headers, body }: HttpAnswer): string {
  const isText = /^text\/plain\b/i.test(fieldOf(headers, "content-type") ?? "");
  const text = isText ? body.toString("utf8", 0, answerTextMax).trim() : "";
  return `the server responded with HTTP ${status}${text === "" ? "" : `: ${text}`}`;
}

/** How much of a plain-text response an error repeats, in bytes. */
const answerTextMax = 300;

function decompress(answer: HttpAnswer, { readBytesMax }: WireOptions): Buffer {
  const encoding = fieldOf(answer.headers, "content-encoding")?.toLowerCase();
  if (encoding === undefined || encoding === "identity") {
    return answer.body;
  }
  if (encoding !== "gzip") {
    throw new ConnectError(`unsupported response encoding ${JSON.stringify(encoding)}`, Code.Internal);
  }
  return gunzip(answer.body, Math.max(readBytesMax, answer.status === 200 ? 0 : errorBytesMin));
}

/** Connect sends trailers of unary calls as headers with a prefix. */
function splitTrailers(fields: NodeFields): { readonly header: NodeFields; readonly trailer: NodeFields } {
  let trailer: Record<string, string | string[] | undefined> | undefined;
  let header: Record<string, string | string[] | undefined> | undefined;
  for (const name in fields) {
    if (name.startsWith("trailer-")) {
      trailer ??= {};
      header ??= { ...fields };
      trailer[name.slice(8)] = fields[name];
      delete header[name];
    }
  }
  return { header: header ?? fields, trailer: trailer ?? noTrailers };
}

const noTrailers: NodeFields = {};
