import type { DescService } from "@bufbuild/protobuf";
import { Argument, Command } from "commander";
import { withConnectionOptions } from "../connection/connection-options.ts";
import { exitCodesInWords } from "../outcome/exit-codes.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";

/** `parley <service> health`: the service's health. For a group of several, `a` or `b` selects one. */
export function healthCommand(contracts: readonly DescService[], services: readonly ServiceDefinition[]): Command {
  const command = new Command("health")
    .summary("Checks whether the service is SERVING.")
    .description("Checks whether the service is SERVING (grpc.health.v1.Health/Check). Exit code 6 if it is not.");
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
        const { tellHealth } = await import("./tell-health.ts");
        process.exitCode = await tellHealth(contract.typeName, { options: command.opts(), services });
      }
    });
}
