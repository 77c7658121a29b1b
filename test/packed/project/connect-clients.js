// Calls an Eliza service with the stock transports of connect-es, for Node and for browsers. Prints each response as JSON.
import { createClient } from "@connectrpc/connect";
import * as node from "@connectrpc/connect-node";
import * as web from "@connectrpc/connect-web";
import { ElizaService } from "./gen/eliza/v1/eliza_pb.js";

const [baseUrl] = process.argv.slice(2);
const transports = {
  "node gRPC": node.createGrpcTransport({ baseUrl }),
  "node gRPC-Web, HTTP/1.1": node.createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  "node Connect, HTTP/2": node.createConnectTransport({ baseUrl, httpVersion: "2" }),
  "node Connect GET, HTTP/1.1": node.createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true }),
  "web Connect": web.createConnectTransport({ baseUrl }),
  "web gRPC-Web": web.createGrpcWebTransport({ baseUrl }),
};
const answers = {};
for (const [name, transport] of Object.entries(transports)) {
  const client = createClient(ElizaService, transport);
  const { sentence: said } = await client.say({ sentence: "hello" });
  const introduced = await sentences(client.introduce({ name: "Ada" }));
  // Browsers cannot stream requests, and HTTP/1.1 streams are half-duplex.
  const duplex = name === "node gRPC" || name === "node Connect, HTTP/2";
  answers[name] = { said, introduced, ...(duplex && { conversed: await sentences(client.converse(talk())) }) };
}
console.log(JSON.stringify(answers));
process.exit();

async function* talk() {
  yield { sentence: "one" };
  yield { sentence: "two" };
}

async function sentences(stream) {
  const all = [];
  for await (const { sentence } of stream) all.push(sentence);
  return all;
}
