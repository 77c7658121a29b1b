import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import { fastify } from "fastify";
import { ready } from "../../ready.ts";
import { answer, StreamService } from "../contract.ts";
import { streamImplementation } from "../implementation.ts";

/** Stock Connect on Fastify. */
const app = fastify({ http2: true } as object);
await app.register(fastifyConnectPlugin, {
  acceptCompression: [],
  routes: (router) => router.service(StreamService, streamImplementation(() => answer) as never),
});
await app.listen({ host: "127.0.0.1", port: 0 });
const address = app.server.address();
ready(typeof address === "object" && address !== null ? address.port : 0);
