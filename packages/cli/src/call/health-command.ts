import type { DescService } from "@bufbuild/protobuf";
import { ConnectError, createClient } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus as Status } from "@parley/gen/health/v1/health_pb.js";
import { Argument, Command } from "commander";
import type { ServiceDefinition } from "../stack/service-registry.ts";
import { createTerminal } from "../terminal/terminal.ts";
import { type ConnectionOptions, openConnection, withConnectionOptions } from "./connection-options.ts";
import { exitCodeOf, exitCodes, exitCodesInWords } from "./exit-codes.ts";
import { failureLines } from "./failure.ts";

/** An answer about health that takes longer is no good sign. */
const answerMaxMs = 2_000;

/** `parley <service> health`: whether the service takes calls. Where a group has several, `a` or `b` says which is meant. */
export function healthCommand(contracts: readonly DescService[], services: readonly ServiceDefinition[]): Command {
  const command = new Command("health")
    .summary("Tells whether the service takes calls.")
    .description("Tells whether the service takes calls (grpc.health.v1.Health/Check). Exit code 6 where it does not.");
  const letters = contracts.map((_, index) => String.fromCharCode("a".charCodeAt(0) + index));
  if (contracts.length > 1) {
    command.addArgument(new Argument("<which>", "the service").choices(letters));
  }
  return withConnectionOptions(command)
    .addHelpText("after", `\n${exitCodesInWords}`)
    .action(async () => {
      const which = contracts.length > 1 ? letters.indexOf(String(command.args[0])) : 0;
      const contract = contracts[which];
      if (contract !== undefined) {
        process.exitCode = await tellHealth(contract.typeName, { options: command.opts(), services });
      }
    });
}

async function tellHealth(
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
    const failure = ConnectError.from(error);
    process.stderr.write(`${failureLines(failure, createTerminal()).join("\n")}\n`);
    return exitCodeOf(failure.code);
  } finally {
    connection.close();
  }
}
