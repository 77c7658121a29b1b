import { patchProtobuf, systemEnvironment } from "@parley/rpc";
import { implement, serve } from "@parley/rpc/server";
import { ready } from "../../ready.ts";
import { StreamService } from "../contract.ts";
import { sharedAnswer, streamImplementation } from "../implementation.ts";

const environment = systemEnvironment({ name: "bench", logLevel: "silent", logFormat: "json" });
// `runService` does this for every service.
patchProtobuf();
const many = 1_000_000;
const { port } = await serve(
  { entries: [implement(StreamService, streamImplementation(sharedAnswer) as never)] },
  {
    name: "bench",
    environment,
    config: {
      rpcPath: process.argv.includes("stock") ? "stock" : "own",
      limits: {
        streamsPerConnectionMax: many,
        streamsMax: many,
        streamsSharePercent: 100,
        stallTimeoutMs: 600_000,
        streamAgeMaxMs: 0,
      },
    },
  },
);
ready(port);
