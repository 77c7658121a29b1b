import { ConnectError, createClient } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus as Status } from "@parley/gen/health/v1/health_pb.js";
import { openConnection } from "../connection/connection.ts";
import type { ConnectionOptions } from "../connection/connection-options.ts";
import { exitCodes } from "../outcome/exit-codes.ts";
import { printFailure } from "../outcome/print-failure.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";

/** A slower health check counts as failed. */
const answerMaxMs = 2_000;

/** Checks a contract's health, and prints it. Returns the exit code. */
export async function tellHealth(
  contract: string,
  { options, services }: { readonly options: ConnectionOptions; readonly services: readonly ServiceDefinition[] },
): Promise<number> {
  const connection = openConnection(options, services);
  try {
    const health = createClient(Health, connection.transport(contract));
    const { status } = await health.check(
      { service: contract },
      { headers: connection.headers, timeoutMs: connection.timeoutMs ?? answerMaxMs },
    );
    process.stdout.write(`${contract}: ${Status[status]}\n`);
    return status === Status.SERVING ? exitCodes.ok : exitCodes.unavailable;
  } catch (error) {
    return printFailure(ConnectError.from(error));
  } finally {
    connection.close();
  }
}
