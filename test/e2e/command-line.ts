import { execFile } from "node:child_process";
import { delimiter, join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { BadRequestSchema, ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { root } from "./running-stack.ts";

/** A command's output and exit code. */
export interface CommandOutcome {
  readonly code: number;
  readonly output: string;
  readonly errorOutput: string;
}

/** The limits of a command: its time in milliseconds, and its output in bytes. */
const commandMaxMs = 60_000;
const outputMaxBytes = 16 * 1024 * 1024;

/** Runs a program from node_modules/.bin or from the PATH in the repository's root folder. */
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

/** Whether a program is installed. */
export async function has(program: string, versionFlag = "--version"): Promise<boolean> {
  return (await run(program, [versionFlag])).code === 0;
}

/** A response to curl. */
export interface CurlAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the service sent; the test says what it must be.
  readonly body: any;
}

/** Calls a method with curl: HTTP/1.1 and JSON. The body may be any text. */
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

/** The details of an error (Connect protocol, "Error end-stream"). */
export interface Explanation {
  readonly reason: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** The paths of the invalid fields. */
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
