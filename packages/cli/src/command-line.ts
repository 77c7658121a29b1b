import "./process/preload/refuse-self-connection.ts";
import { createProgram } from "./program.ts";
import { services } from "./service/service-registry.ts";
import { exitWhenWritten, guardOutput } from "./terminal/output.ts";

guardOutput();
try {
  await createProgram({ services }).parseAsync();
} catch (error) {
  const { printFailure } = await import("./outcome/print-failure.ts");
  process.exitCode = printFailure(error);
}
// An open connection would keep the process alive.
exitWhenWritten();
