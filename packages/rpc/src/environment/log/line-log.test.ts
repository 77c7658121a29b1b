import { pino } from "pino";
import { expect, test } from "vitest";
import { createLineLog } from "./line-log.ts";
import { createLog, type LogOptions } from "./log.ts";

const fields = `"code":"OK","text":${JSON.stringify('say "hi"\n')}`;
const same = { level: "info", name: "test", service: "s", code: "OK", text: 'say "hi"\n', msg: 'a "call"' };
const kind = { message: 'a "call"', labels: { service: "s" } };

function recorded(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({ name: "test", logDestination: { write: (line) => lines.push(line) }, ...options });
  return { log, lines };
}

test("a line equals the log's own", () => {
  const { log, lines } = recorded();
  createLineLog(log, kind).write(fields);
  log.child({ service: "s" }).info(JSON.parse(`{${fields}}`), kind.message);
  const [one, other] = lines.map((line) => JSON.parse(line));
  expect(lines.every((line) => /^[^\n]*\n$/.test(line))).toBe(true);
  expect(one).toMatchObject(same);
  expect({ ...one, time: 0 }).toEqual({ ...other, time: 0 });
});

test("another log writes it in its own format", () => {
  const lines: string[] = [];
  createLineLog(pino({ level: "info" }, { write: (line: string) => lines.push(line) }), kind).write(fields);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ service: "s", code: "OK", msg: kind.message });
});

test("a log with a higher level reports that it is disabled", () => {
  expect(createLineLog(recorded().log, kind).isEnabled()).toBe(true);
  expect(createLineLog(recorded({ logLevel: "warn" }).log, kind).isEnabled()).toBe(false);
});
