import type { FastifyRequest } from "fastify";

/** Whether the client is a browser that opens a page: it accepts `text/html`. */
export function wantsHtml({ headers }: Pick<FastifyRequest, "headers">): boolean {
  return /\btext\/html\b/.test(headers.accept ?? "");
}
