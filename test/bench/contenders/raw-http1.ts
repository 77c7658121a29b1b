import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ready } from "../ready.ts";

/** The minimum of JSON over HTTP/1.1 on Node: JSON.parse and JSON.stringify without a framework. */
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { message } = JSON.parse(Buffer.concat(chunks).toString()) as { message: string };
    const body = JSON.stringify({ message });
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
    response.end(body);
  });
});
server.listen(0, "127.0.0.1", () => ready((server.address() as AddressInfo).port));
