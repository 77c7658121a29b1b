import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import { fastify } from "fastify";
import { echoService } from "../contract.ts";
import { ready } from "../ready.ts";

/** Stock Connect on Fastify. Argument `1`: HTTP/1.1. */
const options: Parameters<typeof fastifyConnectPlugin>[1] = {
  acceptCompression: [],
  routes: (router) =>
    router.service(echoService({ bare: true }), { echo: ({ message }: { message: string }) => ({ message }) } as never),
};
const app = fastify(process.argv.includes("1") ? {} : ({ http2: true } as object));
await app.register(fastifyConnectPlugin, options);
await app.listen({ host: "127.0.0.1", port: 0 });
const address = app.server.address();
ready(typeof address === "object" && address !== null ? address.port : 0);
