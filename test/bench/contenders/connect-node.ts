import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { echoService } from "../contract.ts";
import { ready } from "../ready.ts";

/** Stock Connect on Node's own servers. Argument `1`: HTTP/1.1. */
const handler = connectNodeAdapter({
  acceptCompression: [],
  routes: (router) =>
    router.service(echoService({ bare: true }), { echo: ({ message }: { message: string }) => ({ message }) } as never),
});
const server = process.argv.includes("1") ? createHttp1Server(handler) : createHttp2Server(handler);
server.listen(0, "127.0.0.1", () => ready((server.address() as AddressInfo).port));
