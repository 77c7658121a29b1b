// A service as the platform runs it, everything on. Its telemetry is set by its environment variables.
import { implement, port, runService } from "@parley/rpc/server";
import { echoService } from "../contract.ts";

await runService("bench", { PORT: port({ default: 0 }) }, () => ({
  entries: [
    implement(echoService({ bare: false }), {
      echo: async ({ message }: { message: string }) => ({ message }),
    } as never),
  ],
}));
