import { type Client, createClient } from "@connectrpc/connect";
import { StackService } from "@parley/gen/stack/v1/stack_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { ConnectionPool, createServiceTransport } from "@parley/rpc/client";
import { UsageError } from "../../outcome/usage-error.ts";
import { shownPath } from "../../service/start-command.ts";
import { readControl } from "./stack-record.ts";

export type StackClient = Client<typeof StackService>;

/** The interval does not matter: the timer keeps the process alive, which the runtime's own timers do not. */
const aliveMs = 60_000;

/**
 * Calls the stack that runs with a data folder.
 * @throws UsageError if none runs.
 */
export async function withStack(dataFolder: string, body: (stack: StackClient) => Promise<void>): Promise<void> {
  const record = await readControl(dataFolder);
  if (record === undefined) {
    throw new UsageError(
      `No parley up runs with the data folder ${shownPath(dataFolder)}. Start one with npm start, or name its folder with --data.`,
    );
  }
  const environment = systemEnvironment({ name: "parley", logLevel: "silent" });
  const pool = new ConnectionPool(environment);
  const transport = createServiceTransport(record.url, {
    environment,
    pool,
    callerName: "parley",
    interceptors: [
      (next) => (request) => {
        request.header.set("authorization", `Bearer ${record.token}`);
        return next(request);
      },
    ],
  });
  const alive = setInterval(() => {}, aliveMs);
  try {
    await body(createClient(StackService, transport));
  } finally {
    clearInterval(alive);
    pool.close();
  }
}
