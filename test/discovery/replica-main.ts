import { implement, port, runService } from "@parley/rpc/server";
import { PatientEchoService } from "./contract.ts";

/** A service as any other, with its drain and its health, that says back what it is told. */
await runService("echo", { PORT: port() }, () => ({
  entries: [implement(PatientEchoService, { echo: ({ message }) => ({ message }) })],
}));
