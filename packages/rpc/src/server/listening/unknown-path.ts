import type { IncomingHttpHeaders } from "node:http";
import { Code } from "@connectrpc/connect";
import { errorToJson } from "@connectrpc/connect/protocol-connect";
import type { FastifyReply } from "fastify";
import { completeReason, type ReasonSource, reasonError } from "../../call/reason-error.ts";

/** Responds with 404 and a Connect error in JSON. gRPC clients get UNIMPLEMENTED as a Trailers-Only response. */
export function answerUnknownPath(
  request: { readonly url?: string | undefined; readonly headers: IncomingHttpHeaders },
  reply: FastifyReply,
  reasons: ReasonSource,
): FastifyReply {
  const path = (request.url ?? "/").split("?", 1)[0]?.slice(0, pathCharsMax) ?? "/";
  const message = `No route matches ${path}. The path of a call is /package.Service/Method; GET /health reports the server's state.`;
  const contentType = request.headers["content-type"];
  if (contentType?.startsWith("application/grpc") === true) {
    return reply
      .code(200)
      .headers({ "content-type": contentType, "grpc-status": "12", "grpc-message": encodeURI(message) })
      .send();
  }
  const error = reasonError(Code.Unimplemented, { reason: "ROUTE_NOT_FOUND", message });
  completeReason(error, reasons);
  return reply.code(404).send(errorToJson(error, {}));
}

/** The longest part of a path in the error message. */
const pathCharsMax = 200;
