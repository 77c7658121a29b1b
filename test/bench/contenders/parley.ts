import { systemEnvironment } from "@parley/rpc";
import { implement, serve } from "@parley/rpc/server";
import { echoService } from "../contract.ts";
import { ready } from "../ready.ts";

/**
 * Parley. With `full`: validation, deadline, metrics, access log and trace context. Otherwise only the features that cannot be
 * disabled.
 */
const full = process.argv.includes("full");
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
    config: { limits: { unaryTimeoutMs: 10_000 } },
  },
);
ready(port);
