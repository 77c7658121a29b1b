import picocolors from "picocolors";
import { describe, expect, it } from "vitest";
import { readableLine, serviceLineWriter } from "./service-line.ts";
import type { Terminal } from "./terminal.ts";

const plain = picocolors.createColors(false);

function recorder(interactive: boolean) {
  const lines: string[] = [];
  const terminal: Terminal = {
    interactive,
    colors: plain,
    width: Number.POSITIVE_INFINITY,
    say: () => {},
    log: (line) => lines.push(line),
    status: () => {},
  };
  return { terminal, lines };
}

describe("a service's line", () => {
  it("passes through unchanged without a terminal", () => {
    const { terminal, lines } = recorder(false);
    serviceLineWriter(terminal, ["user"])("user", '{"level":30}');
    expect(lines).toEqual(['{"level":30}']);
  });

  it("follows its service's name, padded to the longest", () => {
    const { terminal, lines } = recorder(true);
    const write = serviceLineWriter(terminal, ["user", "product"]);
    write("user", "plain text");
    write("product", "other text");
    expect(lines).toEqual(["user    │ plain text", "product │ other text"]);
  });

  it("turns JSON into time, level, message and fields", () => {
    const line = JSON.stringify({
      level: 40,
      time: 0,
      pid: 1,
      hostname: "h",
      msg: "slow call",
      method: "Get",
      note: "a b",
    });
    expect(readableLine(line, plain)).toMatch(/^\d\d:\d\d:\d\d warn {2}slow call method=Get note="a b"$/);
  });

  it("shows method, outcome and duration of a call", () => {
    const call = { msg: "call", service: "order.v1.OrderService", method: "GetOrder", peer: "::1", traceId: "t" };
    const line = JSON.stringify({
      ...call,
      level: "info",
      time: 0,
      protocol: "grpc",
      code: "NOT_FOUND",
      latencyMs: 1.234,
    });
    expect(readableLine(line, plain)).toMatch(
      /^\S+ info {2}order\.v1\.OrderService\/GetOrder NOT_FOUND 1\.2 ms protocol=grpc$/,
    );
  });

  it("shows an error's stack on lines of its own", () => {
    const line = JSON.stringify({
      level: 50,
      msg: "failed",
      err: { type: "Error", message: "m", stack: "Error: m\n at x" },
    });
    expect(readableLine(line, plain)).toContain("failed err=\n    Error: m\n     at x");
  });

  it.each(["{broken", "", "null", "[1]", '{"unfinished":'])("leaves %j unchanged", (line) => {
    expect(readableLine(line, plain)).toBe(line);
  });

  it("accepts an object without known fields", () => {
    expect(readableLine("{}", plain)).toBe("");
    expect(readableLine('{"level":99,"time":"never"}', plain)).toBe("99   ");
  });
});
