// `parley` with three fake services: the program for tests of `parley up`. FAKE_PORTS are their ports.
import { fileURLToPath } from "node:url";
import { printFailure } from "../outcome/print-failure.ts";
import { createProgram } from "../program.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { guardOutput } from "../terminal/output.ts";

const main = fileURLToPath(new URL("./fake-service.ts", import.meta.url));

function fake(name: string, port: number, calls: readonly string[] = []): ServiceDefinition {
  return {
    name,
    main,
    port,
    contracts: [`${name}.v1.FakeService`],
    calls,
    database: true,
    environment: { FAKE_NAME: name },
  };
}

const [user = 0, product = 0, order = 0] = (process.env.FAKE_PORTS ?? "").split(",").map(Number);

guardOutput();
try {
  await createProgram({
    services: [fake("user", user), fake("product", product), fake("order", order, ["user", "product"])],
  }).parseAsync();
} catch (error) {
  process.exitCode = printFailure(error);
}
