import { readFile } from "node:fs/promises";
import http from "node:http";
import { pipeline } from "node:stream/promises";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isOwnPage } from "./own-page.ts";

/** The address and token of `parley up`, which it writes to the file of `STACK_CONTROL_FILE`. */
export interface StackControl {
  readonly url: string;
  readonly token: string;
}

/** Returns undefined if no stack runs: `parley up` deletes the file when it ends. */
export async function readStackControl(file: string | undefined): Promise<StackControl | undefined> {
  if (file === undefined) {
    return undefined;
  }
  try {
    const { url, token } = JSON.parse(await readFile(file, "utf8")) as Partial<StackControl>;
    return typeof url === "string" && typeof token === "string" ? { url, token } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Forwards calls of stack.v1.StackService to `parley up`, so that the page needs no other origin. Accepts only the gateway's own page,
 * whose calls carry the token of the run; `parley up` checks the token.
 */
export function stackRoutes(app: FastifyInstance, file: string): void {
  app.register(async (routes) => {
    // Bodies are forwarded without parsing.
    routes.removeAllContentTypeParsers();
    routes.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    routes.route<{ Params: { method: string } }>({
      method: ["GET", "POST"],
      url: `${stackPath}/stack.v1.StackService/:method`,
      async handler(request, reply) {
        const control = await readStackControl(file);
        if (control === undefined || !isOwnPage(request)) {
          return reply.callNotFound();
        }
        reply.hijack();
        await forwardCall(request, reply, control).catch(() => reply.raw.destroy());
      },
    });
  });
}

/** The path prefix of these calls. At the root, they would be calls of a method that the gateway does not serve. */
const stackPath = "/console/stack";

/** Marks a call as forwarded: its caller reaches `parley up` only through the gateway, and could not start a stopped gateway. */
const throughGateway = "x-through-gateway";

/** The request headers that are forwarded. `parley up` does not need the page's `host`, `origin` and the like. */
const forwardedHeaders = [
  "authorization",
  "content-type",
  "connect-protocol-version",
  "connect-timeout-ms",
  "content-length",
];

async function forwardCall(request: FastifyRequest, reply: FastifyReply, { url }: StackControl): Promise<void> {
  const headers = Object.fromEntries(
    forwardedHeaders.flatMap((name) => (request.headers[name] === undefined ? [] : [[name, request.headers[name]]])),
  );
  headers[throughGateway] = "1";
  const forwarded = http.request(new URL(request.url.slice(stackPath.length), url), {
    method: request.method,
    headers,
    agent: false,
  });
  reply.raw.once("close", () => forwarded.destroy());
  const answer = await new Promise<http.IncomingMessage | undefined>((resolve) => {
    forwarded.once("response", resolve);
    forwarded.once("error", () => resolve(undefined));
    request.raw.pipe(forwarded);
  });
  if (answer === undefined) {
    reply.raw.writeHead(503, { "content-type": "application/json", "cache-control": "no-store" });
    reply.raw.end(JSON.stringify({ code: "unavailable", message: "parley up cannot be reached" }));
    return;
  }
  const { connection: _connection, "keep-alive": _keepAlive, "transfer-encoding": _encoding, ...rest } = answer.headers;
  reply.raw.writeHead(answer.statusCode ?? 502, rest);
  reply.raw.flushHeaders();
  await pipeline(answer, reply.raw);
}
