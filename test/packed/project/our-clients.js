// Calls an Eliza service with the packed client, with each protocol. Prints each response as JSON.
import { systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import { ElizaService } from "./gen/eliza/v1/eliza_pb.js";

const [url] = process.argv.slice(2);
const environment = systemEnvironment({ name: "test", logLevel: "silent" });
const kinds = {
  gRPC: { protocol: "grpc" },
  "gRPC, JSON, gzip": { protocol: "grpc", codec: "json", acceptGzip: true, sendGzip: true, gzipBytesMin: 1 },
  "gRPC-Web": { protocol: "grpc-web" },
  Connect: { protocol: "connect" },
  "Connect GET, JSON": { protocol: "connect", codec: "json", useGet: true },
  "stock streams": { protocol: "connect", stockStreams: true },
};
const answers = {};
for (const [name, options] of Object.entries(kinds)) {
  const client = createServiceClient(ElizaService, url, { environment, ...options });
  const { sentence: said } = await client.say({ sentence: "hello" });
  const introduced = await sentences(client.introduce({ name: "Ada" }));
  answers[name] = { said, introduced, conversed: await sentences(client.converse(talk())) };
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
