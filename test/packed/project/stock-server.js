// Serves Eliza with stock connect-node over h2c. Prints its URL.
import { createServer } from "node:http2";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ElizaService } from "./gen/eliza/v1/eliza_pb.js";

const routes = (router) =>
  router.service(ElizaService, {
    say: ({ sentence }) => ({ sentence: `You said: ${sentence}` }),
    async *introduce({ name }) {
      yield { sentence: `Hi ${name}.` };
      yield { sentence: "How are you feeling today?" };
    },
    async *converse(requests) {
      for await (const { sentence } of requests) yield { sentence: `Why do you say: ${sentence}` };
    },
  });
const server = createServer(connectNodeAdapter({ routes }));
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })));
