import type { DescService } from "@bufbuild/protobuf";
import { Argument, Command } from "commander";
import { withConnectionOptions } from "../connection/connection-options.ts";
import { exitCodesInWords } from "../outcome/exit-codes.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";

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
        const { tellHealth } = await import("./tell-health.ts");
        process.exitCode = await tellHealth(contract.typeName, { options: command.opts(), services });
      }
    });
}
