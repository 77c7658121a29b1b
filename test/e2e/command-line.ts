import { execFile } from "node:child_process";
import { delimiter, join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { BadRequestSchema, ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { root } from "./running-stack.ts";

/** What a command wrote, and how it ended. */
export interface CommandOutcome {
  readonly code: number;
  readonly output: string;
  readonly errorOutput: string;
}

/** The longest a command may take, in milliseconds, and the most that it may write, in bytes. */
const commandMaxMs = 60_000;
const outputMaxBytes = 16 * 1024 * 1024;

/** Runs a program of node_modules/.bin or of the machine in the repository's top folder. */
export function run(program: string, args: readonly string[]): Promise<CommandOutcome> {
  const path = `${join(root, "node_modules", ".bin")}${delimiter}${process.env.PATH ?? ""}`;
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { cwd: root, env: { ...process.env, PATH: path }, timeout: commandMaxMs, maxBuffer: outputMaxBytes },
      (error, output, errorOutput) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 127;
        resolve({ code, output, errorOutput: errorOutput || (error?.message ?? "") });
      },
    );
  });
}

/** Whether the machine has a program. */
export async function has(program: string, versionFlag = "--version"): Promise<boolean> {
  return (await run(program, [versionFlag])).code === 0;
}

/** What a service answered to curl. */
export interface CurlAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the service sent; the test says what it must be.
  readonly body: any;
}

/** Calls a method as a person does: curl, HTTP/1.1, JSON. The body may be any text. */
export async function curl(url: string, body: unknown, options: readonly string[] = []): Promise<CurlAnswer> {
  const data = typeof body === "string" ? body : JSON.stringify(body);
  const header = "content-type: application/json";
  const { code, output, errorOutput } = await run("curl", [
    ...["-s", url, "-H", header, "--data-binary", data, "-w", "\n%{http_code}"],
    ...options,
  ]);
  if (code !== 0) {
    throw new Error(`curl ended with ${code}: ${errorOutput}`);
  }
  const end = output.lastIndexOf("\n");
  return { status: Number(output.slice(end + 1)), body: JSON.parse(output.slice(0, end)) };
}

/** What the details of an error say (Connect protocol, "Error end-stream"). */
export interface Explanation {
  readonly reason: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** The paths of the fields that are to blame. */
  readonly fields: readonly string[];
}

/** Reads an error's ErrorInfo and BadRequest details. */
export function explanationOf(body: { readonly details?: readonly { type: string; value: string }[] }): Explanation {
  const details = body.details ?? [];
  const bytesOf = (type: string) =>
    details.filter((detail) => detail.type === type).map((detail) => Buffer.from(detail.value, "base64"));
  const [info] = bytesOf("google.rpc.ErrorInfo").map((bytes) => fromBinary(ErrorInfoSchema, bytes));
  const fields = bytesOf("google.rpc.BadRequest").flatMap((bytes) =>
    fromBinary(BadRequestSchema, bytes).fieldViolations.map(({ field }) => field),
  );
  return { reason: info?.reason, metadata: info?.metadata ?? {}, fields };
}
