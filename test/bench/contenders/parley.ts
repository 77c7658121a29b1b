import { patchProtobuf, systemEnvironment } from "@parley/rpc";
import { implement, serve } from "@parley/rpc/server";
import { echoService } from "../contract.ts";
import { ready } from "../ready.ts";

/**
 * Parley, with one encoding buffer (`patchProtobuf`). With `full`, as the platform's services run: validation, deadline, metrics, access log
 * and trace context. Otherwise only the features that cannot be disabled.
 */
const full = process.argv.includes("full");
patchProtobuf();
const { port } = await serve(
  {
    entries: [
      implement(echoService({ bare: !full }), {
        echo: async ({ message }: { message: string }) => ({ message }),
      } as never),
    ],
  },
  {
    name: "bench",
    environment: systemEnvironment({ name: "bench", logLevel: full ? "info" : "silent", logFormat: "json" }),
    config: { limits: { unaryTimeoutMs: 10_000 }, telemetry: full },
  },
);
ready(port);
