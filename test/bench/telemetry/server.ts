// A service with all features, as on the platform. Environment variables configure its telemetry.
import { implement, port, runService } from "@parley/rpc/server";
import { echoService } from "../contract.ts";

await runService("bench", { PORT: port({ default: 0 }) }, () => ({
  entries: [
    implement(echoService({ bare: false }), {
      echo: async ({ message }: { message: string }) => ({ message }),
    } as never),
  ],
}));
