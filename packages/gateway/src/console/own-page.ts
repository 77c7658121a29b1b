import { isLoopbackName } from "@parley/rpc/server";
import type { FastifyRequest } from "fastify";

/**
 * Whether a request comes from the gateway's own page, on this machine. Other pages in the same browser reach loopback addresses too.
 * `sec-fetch-site`, which scripts cannot set (Fetch Metadata), identifies their requests; `host` names another host if a page resolved
 * its own name to 127.0.0.1 (DNS rebinding).
 */
export function isOwnPage({ headers, socket }: Pick<FastifyRequest, "headers" | "socket">): boolean {
  const host = String(headers.host ?? headers[":authority"] ?? "")
    .replace(/:\d+$/, "")
    .replace(/^\[|\]$/g, "");
  const forwarded = headers["x-forwarded-for"] !== undefined || headers.forwarded !== undefined;
  return (
    !forwarded &&
    isLoopbackAddress(socket.remoteAddress) &&
    isLoopbackName(host) &&
    headers["sec-fetch-site"] === "same-origin"
  );
}

function isLoopbackAddress(address = ""): boolean {
  return /^(::ffff:)?127\./.test(address) || address === "::1";
}
