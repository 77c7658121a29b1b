import { toJson } from "@bufbuild/protobuf";
import { input } from "@inquirer/prompts";
import { CallEchoResponseSchema } from "@parley/gen/echo/v1/echo_service_pb.js";
import { callEchoLine } from "../render/call-echo.ts";
import { newTrace } from "../telemetry/new-trace.ts";
import { followTrace, isAnswered } from "./follow-trace.ts";
import type { MenuOptions } from "./menu-options.ts";
import { show } from "./show.ts";

/** Asks for a message, calls echo-a through echo-b, and shows the calls. */
export async function sayEcho(options: MenuOptions): Promise<void> {
  const { shop, terminal } = options;
  const message = await input({ message: "Message", default: "hello" });
  const { traceId, traceparent } = newTrace();
  const headers = new Headers(shop.headers);
  headers.set("traceparent", traceparent);
  const answer = await shop.echo.callEcho({ message }, { headers });
  show(terminal, [callEchoLine(toJson(CallEchoResponseSchema, answer))]);
  await followTrace(traceId, {
    ...options,
    isWhole: (calls) =>
      isAnswered(calls, options) && calls.some(({ to, method }) => to === "echo-a" && method === "Echo"),
  });
}
