// The option tables in the packages' READMEs list every option, with the actual defaults of the limits.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { defaultLimits } from "@parley/rpc/server";
import { expect, test } from "vitest";
import { root } from "../../scripts/run-command.ts";

/** The declarations of options: package, file in its src/, interface, and the internal options. */
const declared: readonly (readonly [string, string, string, ...string[]])[] = [
  ["http2", "connection-options.ts", "ConnectionOptions"],
  ["rpc", "server/serve.ts", "ServeOptions"],
  ["rpc", "server/pipeline/service-module.ts", "ServiceModule"],
  ["rpc", "server/config/server-config.ts", "ServerConfig"],
  ["rpc", "server/config/server-limits.ts", "ServerLimits"],
  ["rpc", "client/service-client.ts", "ServiceClientOptions"],
  ["rpc", "client/wire/wire-options.ts", "WireTransportOptions", "userAgent"],
  ["rpc", "client/policy/breaker.ts", "BreakerOptions"],
  ["rpc", "client/connection/client-connection.ts", "ConnectionOptions"],
  ["rpc", "client/connection/channel.ts", "ChannelOptions"],
  ["rpc", "environment/log/log.ts", "LogOptions"],
  ["rest", "transcoder.ts", "TranscoderOptions"],
  ["rest", "openapi/document.ts", "OpenApiOptions"],
];

test.each(declared)("the README of %s has each option of %s, %s", async (name, file, type, ...inner) => {
  const source = await readFile(join(root, "packages", name, "src", file), "utf8");
  const options = membersOf(source, type).filter((option) => !inner.includes(option));
  expect(options).not.toEqual([]);
  const rows = await rowsOf(name);
  expect(options.filter((option) => !rows.has(option))).toEqual([]);
});

test("the README of rpc has the defaults of the limits", async () => {
  const rows = await rowsOf("rpc");
  const shown = Object.keys(defaultLimits).map((limit) => [limit, Number(rows.get(limit))]);
  expect(Object.fromEntries(shown)).toEqual(defaultLimits);
});

/** The names of an interface's members. */
function membersOf(source: string, type: string): string[] {
  const [, body = ""] = new RegExp(`interface ${type}\\b[^{]*\\{\\n([\\s\\S]*?)^\\}`, "m").exec(source) ?? [];
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map(([, name = ""]) => name);
}

/** The rows of a README's tables: the name in the first column, and the second column. */
async function rowsOf(name: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(root, "packages", name, "README.md"), "utf8");
  const rows = text.matchAll(/^\| `(\w+)` \| ([^|]*) \|/gm);
  return new Map([...rows].map(([, option = "", value = ""]) => [option, value.trim()]));
}
