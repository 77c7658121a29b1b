import { readFile } from "node:fs/promises";
import http from "node:http";
import { pipeline } from "node:stream/promises";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isOwnPage } from "./own-page.ts";

/** How `parley up` is reached, as it writes it into the file that `STACK_CONTROL_FILE` names. */
export interface StackControl {
  readonly url: string;
  readonly token: string;
}

/** Undefined if there is no stack, or one that has ended. */
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
 * Passes calls of stack.v1.StackService on to `parley up`, so that the page needs no other origin. Only for the gateway's own page, which
 * shows the token of the run; `parley up` checks it.
 */
export function stackRoutes(app: FastifyInstance, file: string): void {
  app.register(async (routes) => {
    // Bodies are passed on unread.
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
        await passOn(request, reply, control).catch(() => reply.raw.destroy());
      },
    });
  });
}

/** What stands before the calls: at the root, they would be calls of a method that the gateway does not have. */
const stackPath = "/console/stack";

/** Tells `parley up` that the caller is served by the gateway, and could not start it again. */
const throughGateway = "x-through-gateway";

/** Of a request, what the stack has to see; the page's `host`, `origin` and the like are of no use to it. */
const passedHeaders = [
  "authorization",
  "content-type",
  "connect-protocol-version",
  "connect-timeout-ms",
  "content-length",
];

async function passOn(request: FastifyRequest, reply: FastifyReply, { url }: StackControl): Promise<void> {
  const headers = Object.fromEntries(
    passedHeaders.flatMap((name) => (request.headers[name] === undefined ? [] : [[name, request.headers[name]]])),
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
