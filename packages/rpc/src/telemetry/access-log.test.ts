import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { describe, expect, it } from "vitest";
import { createLog } from "../environment/log/log.ts";
import type { ServerCall } from "../server/pipeline/server-call.ts";
import { createCallLog } from "./access-log.ts";

const call = {
  protocolName: "grpc",
  requestId: 'a"b\\c',
  trace: { traceId: "0af7651916cd43dd8448eb211c80319c" },
  peer: 'name "with" quotes\n',
  caller: { kind: "service", id: "order", onBehalfOf: { kind: "user", id: "u\u2028" } },
} as unknown as ServerCall;

function written(log: (lines: string[]) => ReturnType<typeof createLog>): unknown {
  const lines: string[] = [];
  createCallLog(log(lines), EchoService.method.echo)(call, { latencyMs: 1.23456 });
  const [line = ""] = lines;
  expect(lines).toHaveLength(1);
  expect(line).toMatch(/^[^\n]*\n$/);
  const { time, ...rest } = JSON.parse(line) as { time: number };
  expect(time).toBeGreaterThan(0);
  return rest;
}

describe("the access log", () => {
  const into = (lines: string[]) => createLog({ name: "t", logDestination: { write: (line) => lines.push(line) } });

  it("writes the same line as the logger would, and escapes external values", () => {
    const direct = written(into);
    expect(direct).toMatchObject({ level: "info", name: "t", requestId: 'a"b\\c', latencyMs: 1.235, msg: "call" });
    expect(direct).toEqual(written((lines) => into(lines).child({})));
  });

  it("writes nothing if the log level is above info", () => {
    const lines: string[] = [];
    const log = createLog({ name: "t", logLevel: "warn", logDestination: { write: (line) => lines.push(line) } });
    createCallLog(log, EchoService.method.echo)(call, { latencyMs: 1 });
    expect(lines).toEqual([]);
  });
});
