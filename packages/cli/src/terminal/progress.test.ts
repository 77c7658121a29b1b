import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { withProgress } from "./progress.ts";
import { createTerminal } from "./terminal.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function screen(isTTY: boolean) {
  const written = { output: "", errorOutput: "" };
  const stream = (name: keyof typeof written) =>
    ({
      isTTY,
      columns: 40,
      write: (text: string) => {
        written[name] += text;
        return true;
      },
    }) as unknown as NodeJS.WriteStream;
  return { written, terminal: createTerminal({ output: stream("output"), errorOutput: stream("errorOutput") }) };
}

it("shows nothing for work of less than a second", async () => {
  const { terminal, written } = screen(true);
  const work = withProgress(terminal, () => "Waiting", new Promise((resolve) => setTimeout(resolve, 900)));
  await vi.advanceTimersByTimeAsync(900);
  await work;
  expect(written).toEqual({ output: "", errorOutput: "" });
});

it("shows longer work on one line that is cleared afterwards", async () => {
  const { terminal, written } = screen(true);
  const work = withProgress(terminal, () => "Waiting for order", new Promise((resolve) => setTimeout(resolve, 2_000)));
  await vi.advanceTimersByTimeAsync(2_000);
  await work;
  expect(written.output).toContain("Waiting for order (1.5 s)");
  expect(written.output).not.toContain("\n");
  expect(written.output.endsWith("\r\u001b[2K")).toBe(true);
});

it("prints other lines above the status", async () => {
  const { terminal, written } = screen(true);
  terminal.status("busy");
  terminal.log("a line");
  expect(written.output).toBe("busy\r\u001b[2Ka line\nbusy");
});

it("truncates a status to the terminal's width", () => {
  const { terminal, written } = screen(true);
  terminal.status("x".repeat(100));
  expect(written.output).toHaveLength(39);
});

it("prints one line on standard error if there is no terminal", async () => {
  const { terminal, written } = screen(false);
  const work = withProgress(terminal, () => "Waiting for order", new Promise((resolve) => setTimeout(resolve, 3_000)));
  await vi.advanceTimersByTimeAsync(3_000);
  await work;
  expect(written).toEqual({ output: "", errorOutput: "Waiting for order …\n" });
});

it("passes a failure on and clears the line", async () => {
  const { terminal } = screen(true);
  await expect(withProgress(terminal, () => "Waiting", Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(vi.getTimerCount()).toBe(0);
});
