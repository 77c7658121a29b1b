// The exact error texts for callers' mistakes: over REST, Connect, gRPC and on the command line.
import { fromBinary } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { createProgram, printFailure, services } from "@parley/cli";
import { BadRequestSchema, ErrorInfoSchema, HelpSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { platform } from "@parley/gen/services.js";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { cliMistakes } from "./cli-mistakes.ts";
import { connectMistakes } from "./connect-mistakes.ts";
import { type ErrorStack, openErrorStack } from "./error-stack.ts";
import { grpcMistakes } from "./grpc-mistakes.ts";
import type { HttpMistake } from "./http-mistake.ts";
import { restMistakes } from "./rest-mistakes.ts";

let stack: ErrorStack;
beforeAll(async () => {
  stack = await openErrorStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

/** Replaces names in braces with URLs. */
function withUrls(text: string): string {
  const named = {
    ...stack.urls,
    nothing: "http://127.0.0.1:1",
    "tls of product": stack.urls.product.replace("http:", "https:"),
  };
  return Object.entries(named).reduce((so, [name, url]) => so.replaceAll(`{${name}}`, url), text);
}

/** The contents of an error's details. */
interface ErrorDetails {
  readonly reason: string | undefined;
  readonly fields: readonly string[];
  readonly help: string | undefined;
}

const helpOf = (reason: string) => `${platform.errorHelpUrl}#${reason.toLowerCase()}`;

test("there are at least sixty mistakes", () => {
  const tables = [restMistakes, connectMistakes, grpcMistakes, cliMistakes];
  expect(tables.flat().length).toBeGreaterThanOrEqual(60);
});

/** The reasons of temporary errors on a busy machine. */
const passing: ReadonlySet<string | undefined> = new Set([
  "DEADLINE_EXCEEDED",
  "DEPENDENCY_TIMED_OUT",
  "DEPENDENCY_UNAVAILABLE",
  "OVERLOADED",
]);

/** Retries while the error is caused by load and not by the mistake. */
async function untilDecided<T extends { readonly reason: string | undefined }>(
  expected: string,
  askOnce: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    const error = await askOnce();
    if (tries === triesMax || error.reason === expected || !passing.has(error.reason)) {
      return error;
    }
  }
}

const triesMax = 10;

async function ask({ to, request, body, headers }: HttpMistake) {
  const [method = "", path = ""] = request.split(" ");
  const sent =
    body === undefined || typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  const response = await fetch(`${stack.urls[to]}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(sent === undefined ? {} : { body: sent as never }),
  });
  return { status: response.status, answer: JSON.parse(await response.text()) };
}

describe("over REST", () => {
  test.each(restMistakes)("$request $body $headers", async (mistake) => {
    const error = await untilDecided(mistake.reason, async () => {
      const { answer } = await ask(mistake);
      const details: readonly RestDetail[] = answer.error.details ?? [];
      return {
        // A stream that has started has status 200, so the error's own code gives the status.
        status: answer.error.code as number,
        message: answer.error.message as string,
        reason: details.find(({ reason }) => reason !== undefined)?.reason,
        fields: details.flatMap(({ fieldViolations = [] }) => fieldViolations.map(({ field }) => field)),
        help: details.flatMap(({ links = [] }) => links)[0]?.url,
      };
    });
    expectError(error, mistake);
  });
});

interface RestDetail {
  readonly reason?: string;
  readonly fieldViolations?: readonly { readonly field: string }[];
  readonly links?: readonly { readonly url: string }[];
}

describe("over Connect", () => {
  test.each(connectMistakes)("$request $body $headers", async (mistake) => {
    const error = await untilDecided(mistake.reason, async () => {
      const { status, answer } = await ask(mistake);
      const details: readonly { type: string; value: string }[] = answer.details ?? [];
      const bytesOf = (type: string) =>
        details.filter((detail) => detail.type === type).map(({ value }) => Buffer.from(value, "base64"));
      return {
        status,
        message: answer.message as string,
        reason: bytesOf("google.rpc.ErrorInfo").map((bytes) => fromBinary(ErrorInfoSchema, bytes).reason)[0],
        fields: bytesOf("google.rpc.BadRequest").flatMap((bytes) =>
          fromBinary(BadRequestSchema, bytes).fieldViolations.map(({ field }) => field),
        ),
        help: bytesOf("google.rpc.Help").map((bytes) => fromBinary(HelpSchema, bytes).links[0]?.url)[0],
      };
    });
    expectError(error, mistake);
  });
});

describe("over gRPC", () => {
  test.each(grpcMistakes)("$message", async ({ to, call, code, ...mistake }) => {
    const error = await untilDecided(mistake.reason, async () => {
      const reason: unknown = await call(createGrpcTransport({ baseUrl: stack.urls[to] })).catch((error) => error);
      const error = ConnectError.from(reason);
      return {
        status: error.code as number,
        message: error.rawMessage,
        reason: error.findDetails(ErrorInfoSchema)[0]?.reason,
        fields: error
          .findDetails(BadRequestSchema)
          .flatMap((detail) => detail.fieldViolations.map(({ field }) => field)),
        help: error.findDetails(HelpSchema)[0]?.links[0]?.url,
      };
    });
    expectError(error, { status: code, ...mistake });
  });
});

function expectError(
  { status, message, reason, fields, help }: ErrorDetails & { readonly status: number; readonly message: string },
  expected: Pick<HttpMistake, "status" | "message" | "reason" | "fields">,
): void {
  expect(message).toBe(withUrls(expected.message));
  expect([status, reason, fields]).toEqual([expected.status, expected.reason, expected.fields ?? []]);
  // Services outside the platform's modules also have reasons with a help page.
  expect(help).toBe(helpOf(expected.reason));
}

describe("on the command line", () => {
  test.each(cliMistakes)("parley $command", async ({ command, exitCode, message }) => {
    const { code, errorOutput } = await untilDecided("", async () => {
      const outcome = await parley(withUrls(command).split(" "));
      const isPassing =
        /DEADLINE_EXCEEDED|RESOURCE_EXHAUSTED/.test(outcome.errorOutput) && !message.startsWith("DEADLINE");
      return { ...outcome, reason: isPassing ? "DEADLINE_EXCEEDED" : undefined };
    });
    expect(errorOutput.split("\n", 1)[0]).toBe(`error: ${withUrls(message)}`);
    expect(code).toBe(exitCode);
  });
});

/** Runs a `parley` command in this process. */
async function parley(args: readonly string[]) {
  vi.stubEnv("PARLEY_PORT_OFFSET", String(stack.portOffset));
  let errorOutput = "";
  const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    errorOutput += text;
    return true;
  });
  const exit = vi.spyOn(process, "exit").mockImplementation((code) => {
    throw new Exit(Number(code ?? 0));
  });
  try {
    await createProgram({ services }).parseAsync([...args], { from: "user" });
    return { code: Number(process.exitCode ?? 0), errorOutput };
  } catch (error) {
    return { code: error instanceof Exit ? error.code : printFailure(error), errorOutput };
  } finally {
    process.exitCode = undefined;
    write.mockRestore();
    exit.mockRestore();
    vi.unstubAllEnvs();
  }
}

class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}
