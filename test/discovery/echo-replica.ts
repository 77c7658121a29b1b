import { fileURLToPath } from "node:url";
import { type Program, program } from "../processes/program.ts";

const endWithParent = fileURLToPath(new URL("../processes/end-with-parent.ts", import.meta.url));

/** The echo service in a process that listens on one of the machine's addresses. Not started yet. */
export function echoReplica(host: string, port: number): Program {
  return program({
    name: `echo at ${host}`,
    url: `http://${host}:${port}`,
    command: process.execPath,
    args: ["--import", endWithParent, fileURLToPath(new URL("replica-main.ts", import.meta.url))],
    // A name that only the test's DNS server resolves.
    env: { HOST: host, PORT: String(port), ALLOWED_HOSTS: "echo.parley.test" },
    isServing: async (output) => output.includes('"msg":"serving"'),
    endsWithParent: true,
  });
}
