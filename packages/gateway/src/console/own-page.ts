import { isLoopbackName } from "@parley/rpc/server";
import type { FastifyRequest } from "fastify";

/**
 * Whether the gateway's own page asks, from this machine. What only that page may know is kept from other pages in the same browser, which
 * reach loopback addresses too: by `sec-fetch-site`, which scripts cannot set (Fetch Metadata), and by `host`, which names another
 * host where a page had its own name resolved to 127.0.0.1 (DNS rebinding).
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
