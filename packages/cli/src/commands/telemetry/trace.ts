import { create, toJson } from "@bufbuild/protobuf";
import { GetTraceResponseSchema } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { Command, InvalidArgumentError } from "commander";
import { type ConnectionOptions, withConnectionOptions } from "../../connection/connection-options.ts";
import { exitCodes } from "../../outcome/exit-codes.ts";
import { printFailure } from "../../outcome/print-failure.ts";
import type { ServiceDefinition } from "../../service/service-registry.ts";
import { askTrace } from "../../telemetry/ask-trace.ts";
import { openTelemetry } from "../../telemetry/open-telemetry.ts";
import { traceLines } from "../../telemetry/trace-lines.ts";
import { createTerminal } from "../../terminal/terminal.ts";

interface Options extends ConnectionOptions {
  readonly json?: true;
  readonly payloads?: true;
}

/** How long to wait for spans that end after the response, in milliseconds. An order's events and mail follow within a second. */
const waitMaxMs = 1_500;

/** `parley trace <id>`: the sequence diagram of one trace. */
export function traceCommand(services: readonly ServiceDefinition[]): Command {
  const command = new Command("trace")
    .description("Prints the sequence diagram of one trace: calls, events and mails.")
    .argument("<id>", "the trace id: printed with every error and order, and in the header x-trace-id", traceId)
    .option("--payloads", "show requests and responses too, where TELEMETRY_PAYLOADS=true")
    .option("--json", "print the spans as JSON");
  return withConnectionOptions(command).action(async (id: string) => {
    const options = command.opts<Options>();
    const view = await openTelemetry(options, services);
    try {
      const trace = await askTrace(id, { view, payloads: options.payloads === true, waitMaxMs });
      if (options.json === true) {
        const { calls, truncated } = trace;
        const answer = create(GetTraceResponseSchema, { calls: [...calls], truncated });
        process.stdout.write(`${JSON.stringify(toJson(GetTraceResponseSchema, answer), undefined, 2)}\n`);
      } else {
        const { colors, width } = createTerminal();
        process.stdout.write(`${traceLines(trace, { traceId: id, colors, widthMax: width }).join("\n")}\n`);
      }
      process.exitCode = trace.calls.length === 0 ? exitCodes.other : exitCodes.ok;
    } catch (error) {
      process.exitCode = printFailure(error, { json: options.json === true });
    } finally {
      view.close();
    }
  });
}

/** Parses a trace id, or takes it from a `traceparent` (W3C Trace Context, section 3.2). */
export function traceId(text: string): string {
  const match = /^(?:[0-9a-f]{2}-)?([0-9a-f]{32})(?:-[0-9a-f]{16}-[0-9a-f]{2})?$/.exec(text.trim().toLowerCase());
  if (match?.[1] === undefined) {
    throw new InvalidArgumentError("It must be a trace id, 32 hexadecimal digits, or a whole traceparent.");
  }
  return match[1];
}
