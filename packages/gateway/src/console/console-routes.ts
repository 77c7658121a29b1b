import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuiltPage, readBuiltPage } from "@parley/console";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { wantsHtml } from "../wants-html.ts";
import { addressesText, notBuiltHtml } from "./addresses.ts";
import { contractsPath, readContracts } from "./contracts.ts";
import { isOwnPage } from "./own-page.ts";
import { type ConsoleSession, sessionPath } from "./session.ts";
import { readStackControl, stackRoutes } from "./stack-control.ts";

export interface ConsoleOptions {
  readonly session: ConsoleSession;
  /** The file with the address and token of `parley up`. Without it the page cannot start or stop services. */
  readonly stackControlFile?: string | undefined;
  /** Reads the page. Default: the current build of packages/console, read again for each request. */
  readonly readPage?: () => Promise<BuiltPage | undefined>;
}

/**
 * The console at `/`: the page for browsers, a short text for everything else. Its files have a hash of their content in their names, so
 * that browsers cache them for a year (RFC 8246) and load a new build at once.
 */
export function consoleRoutes(
  app: FastifyInstance,
  { session, stackControlFile, readPage = () => readBuiltPage() }: ConsoleOptions,
): void {
  app.get("/", async (request, reply) => {
    reply.header("vary", "accept").header("cache-control", "no-cache");
    if (!wantsHtml(request)) {
      return reply
        .headers(textHeaders)
        .type("text/plain; charset=utf-8")
        .send(addressesText(addressOf(request)));
    }
    const page = await readPage();
    reply.headers(pageHeaders).type("text/html; charset=utf-8");
    return page === undefined ? reply.code(503).send(notBuiltHtml) : reply.send(page.html);
  });
  app.get(contractsPath, async (request, reply) => {
    const contracts = await readContracts();
    reply.headers(pageHeaders).headers({ etag: contracts.etag, "cache-control": "no-cache" });
    if (request.headers["if-none-match"] === contracts.etag) {
      return reply.code(304).send();
    }
    reply.type("application/octet-stream").header("vary", "accept-encoding");
    const zipped = acceptsGzip(request);
    return (zipped ? reply.header("content-encoding", "gzip") : reply).send(zipped ? contracts.gzip : contracts.plain);
  });
  app.get<{ Params: { name: string } }>("/console/:name", async (request, reply) => {
    const page = await readPage();
    const file = page?.files.find(({ name }) => name === request.params.name);
    if (page === undefined || file === undefined) {
      return reply.callNotFound();
    }
    const zipped = acceptsGzip(request);
    const content = await readFile(join(page.folder, zipped ? `${file.name}.gz` : file.name));
    reply
      .headers(pageHeaders)
      .headers({ vary: "accept-encoding", "cache-control": "public, max-age=31536000, immutable" });
    return (zipped ? reply.header("content-encoding", "gzip") : reply).type(file.type).send(content);
  });
  if (stackControlFile !== undefined) {
    stackRoutes(app, stackControlFile);
  }
  app.get(sessionPath, async (request, reply) => {
    reply.headers(pageHeaders).header("cache-control", "no-store");
    const control = isOwnPage(request) ? await readStackControl(stackControlFile) : undefined;
    return reply.send(control === undefined ? session : { ...session, stack: { token: control.token } });
  });
}

/**
 * Allows scripts, styles and connections of this origin only, and no framing (Content Security Policy Level 3). Contains no
 * `upgrade-insecure-requests`, because the gateway may run without TLS.
 */
export const pageHeaders = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=()",
};

const textHeaders = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};

function acceptsGzip({ headers }: FastifyRequest): boolean {
  return /\bgzip\b/.test(String(headers["accept-encoding"] ?? ""));
}

/** The origin by which the client addressed the gateway. */
function addressOf({ protocol, headers }: FastifyRequest): string {
  const host = headers.host ?? headers[":authority"];
  return `${protocol}://${host ?? "localhost"}`;
}
