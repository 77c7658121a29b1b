import { implement, port, runService } from "@parley/rpc/server";
import { PatientEchoService } from "./contract.ts";

/** A normal service with drain and health checks that echoes its messages. */
await runService("echo", { PORT: port() }, () => ({
  entries: [implement(PatientEchoService, { echo: ({ message }) => ({ message }) })],
}));
