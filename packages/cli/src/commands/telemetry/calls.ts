import { toJson } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { CallSchema } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { Command, Option } from "commander";
import { type ConnectionOptions, durationMs, withConnectionOptions } from "../../connection/connection-options.ts";
import { exitCodes } from "../../outcome/exit-codes.ts";
import { printFailure } from "../../outcome/print-failure.ts";
import type { ServiceDefinition } from "../../service/service-registry.ts";
import { callLine, isHop } from "../../telemetry/call-line.ts";
import { openTelemetry, type TelemetryPlace } from "../../telemetry/open-telemetry.ts";
import { createTerminal, type Terminal } from "../../terminal/terminal.ts";
import { traceId } from "./trace.ts";

interface Options extends ConnectionOptions {
  readonly service?: string;
  readonly method?: string;
  readonly failed?: true;
  readonly slowerThan?: number;
  readonly trace?: string;
  readonly all?: true;
  readonly json?: true;
}

/** `parley calls`: every call between processes as it ends, until Ctrl-C. */
export function callsCommand(services: readonly ServiceDefinition[]): Command {
  const command = new Command("calls")
    .description("Streams the calls between processes until Ctrl-C.")
    .option("--service <name>", "only calls from or to a process, or of a service: product, order.v1.OrderService")
    .option("--method <name>", "only calls of this method, for example ReserveStock")
    .option("--failed", "only failed calls")
    .addOption(new Option("--slower-than <time>", "only calls slower than this: 500ms, 2s").argParser(durationMs))
    .addOption(new Option("--trace <id>", "only calls of this trace").argParser(traceId))
    .option("--all", "show both ends of each call, attempts, events, mails and database transactions")
    .option("--json", "print one JSON document per line");
  return withConnectionOptions(command).action(async () => {
    const options = command.opts<Options>();
    const view = await openTelemetry(options, services);
    const interrupted = new AbortController();
    const interrupt = () => interrupted.abort();
    process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
    const terminal = createTerminal();
    try {
      await Promise.all(
        view.places.map((place) =>
          watch(place, { options, terminal, headers: view.options.headers, signal: interrupted.signal }),
        ),
      );
      process.exitCode = exitCodes.ok;
    } catch (error) {
      process.exitCode = interrupted.signal.aborted
        ? exitCodes.ok
        : printFailure(ConnectError.from(error), { json: options.json === true });
    } finally {
      interrupted.abort();
      view.close();
    }
  });
}

interface Watching {
  readonly options: Options;
  readonly terminal: Terminal;
  readonly headers: HeadersInit | undefined;
  readonly signal: AbortSignal;
}
type HeadersInit = ConstructorParameters<typeof Headers>[0];

async function watch({ client }: TelemetryPlace, { options, terminal, headers, signal }: Watching): Promise<void> {
  const filter = {
    service: options.service ?? "",
    method: options.method ?? "",
    failed: options.failed === true,
    traceId: options.trace ?? "",
    ...(options.slowerThan === undefined ? {} : { minLatency: durationFromMs(options.slowerThan) }),
  };
  const stream = client.watchCalls(
    { filter },
    { signal, ...(headers === undefined ? {} : { headers: new Headers(headers) }) },
  );
  const silent = new Set<string>();
  for await (const response of stream) {
    for (const call of response.calls) {
      if (options.all === true || isHop(call)) {
        terminal.log(
          options.json === true ? JSON.stringify(toJson(CallSchema, call)) : callLine(call, terminal.colors),
        );
      }
    }
    if (response.lostCalls > 0n) {
      terminal.say(
        terminal.colors.yellow(`${response.lostCalls} calls are not shown: more calls ended than the stream can send.`),
      );
    }
    for (const { process: name, cause } of response.silent) {
      if (!silent.has(name)) {
        terminal.say(terminal.colors.yellow(`${name} cannot be watched: ${cause}`));
      }
    }
    if (response.silentChanged) {
      silent.clear();
      for (const { process: name } of response.silent) {
        silent.add(name);
      }
    }
  }
}
