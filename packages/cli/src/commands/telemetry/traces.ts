import { create, toJson } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { ListTracesResponseSchema, TraceOrder, type TraceSummary } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { Command, InvalidArgumentError, Option } from "commander";
import { type ConnectionOptions, withConnectionOptions } from "../../connection/connection-options.ts";
import { exitCodes } from "../../outcome/exit-codes.ts";
import { codeName } from "../../outcome/failure.ts";
import { printFailure } from "../../outcome/print-failure.ts";
import { ms } from "../../render/sequence-steps.ts";
import { tableLines } from "../../render/table.ts";
import type { ServiceDefinition } from "../../service/service-registry.ts";
import { startMs } from "../../telemetry/ask-trace.ts";
import { openTelemetry } from "../../telemetry/open-telemetry.ts";
import { type Colors, createTerminal } from "../../terminal/terminal.ts";

interface Options extends ConnectionOptions {
  readonly slowest?: true;
  readonly failed?: true;
  readonly service?: string;
  readonly limit: number;
  readonly json?: true;
}

const limitMax = 100;

/** `parley traces`: the newest, the slowest or the failed traces. */
export function tracesCommand(services: readonly ServiceDefinition[]): Command {
  const command = new Command("traces")
    .description("Lists traces: the newest, the slowest, or the failed ones.")
    .addOption(new Option("--slowest", "the slowest traces first").conflicts("failed"))
    .option("--failed", "only traces with a failed call")
    .option("--service <name>", "only traces with this process or service, for example product")
    .addOption(new Option("--limit <number>", "the maximum number").argParser(limit).default(20))
    .option("--json", "print them as JSON");
  return withConnectionOptions(command).action(async () => {
    const options = command.opts<Options>();
    const view = await openTelemetry(options, services);
    try {
      const request = {
        order: options.slowest ? TraceOrder.SLOWEST : options.failed ? TraceOrder.FAILED : TraceOrder.NEWEST,
        pageSize: options.limit,
        ...(options.service === undefined ? {} : { filter: { service: options.service } }),
      };
      const answers = await Promise.all(view.places.map(({ client }) => client.listTraces(request, view.options)));
      const traces = answers.flatMap((answer) => answer.traces).slice(0, options.limit);
      const { colors, width: widthMax } = createTerminal();
      if (options.json === true) {
        const answer = create(ListTracesResponseSchema, { traces });
        process.stdout.write(`${JSON.stringify(toJson(ListTracesResponseSchema, answer), undefined, 2)}\n`);
      } else {
        const lines = traces.length === 0 ? ["No traces are recorded."] : tableOf(traces, { colors, widthMax });
        process.stdout.write(`${lines.join("\n")}\n`);
      }
      process.exitCode = exitCodes.ok;
    } catch (error) {
      process.exitCode = printFailure(error, { json: options.json === true });
    } finally {
      view.close();
    }
  });
}

function limit(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > limitMax) {
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${limitMax}.`);
  }
  return number;
}

function tableOf(
  traces: readonly TraceSummary[],
  options: { readonly colors: Colors; readonly widthMax: number },
): readonly string[] {
  return tableLines(
    [
      { title: "began" },
      { title: "took", align: "right" },
      { title: "spans", align: "right" },
      { title: "failed", align: "right" },
      { title: "first call", elastic: true },
      { title: "processes", elastic: true },
      { title: "trace" },
    ],
    traces.map(({ root, duration, spans, failedSpans, processes, traceId }) => [
      root === undefined ? "" : new Date(startMs(root)).toTimeString().slice(0, 8),
      duration === undefined ? "" : ms(durationMs(duration)),
      String(spans),
      failedSpans === 0 ? "" : String(failedSpans),
      root === undefined
        ? ""
        : `${root.to} ${root.method}${root.code === 0 ? "" : ` ${codeName(root.code as number)}`}`,
      processes.join(", "),
      traceId,
    ]),
    options,
  );
}
