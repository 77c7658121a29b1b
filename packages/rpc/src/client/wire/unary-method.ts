import type { DescMethod } from "@bufbuild/protobuf";
import { protocolNames } from "../../protocol/metadata.ts";
import type { CheckedHeader } from "../call/call-header.ts";

/** Names that are invalid in a request over HTTP/2 (RFC 9113, section 8.2.2), or that the protocol sets itself. */
const forbiddenNames: ReadonlySet<string> = new Set([
  ...protocolNames,
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "te",
]);

/** The path of a method. */
export function methodPath(method: DescMethod, pathPrefix: string): string {
  return `${pathPrefix}/${method.parent.typeName}/${method.name}`;
}

/** Adds a call's own metadata to its head, except the protocol's names. */
export function pushMetadata(head: string[], header: CheckedHeader): void {
  for (const [name, value] of header) {
    if (!forbiddenNames.has(name) && name.charCodeAt(0) !== 0x3a) {
      head.push(name, value);
    }
  }
}
