import { type Call, SpanKind } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { codeName } from "../outcome/failure.ts";
import { printable } from "../render/printable.ts";
import { sequenceLines } from "../render/sequence.ts";
import { ms } from "../render/sequence-steps.ts";
import type { Colors } from "../terminal/terminal.ts";
import type { AskedTrace } from "./ask-trace.ts";
import { latencyMs, traceSequence } from "./trace-sequence.ts";

export interface TraceLinesOptions {
  readonly traceId: string;
  readonly colors: Colors;
  readonly widthMax: number;
}

/** A trace as text: its sequence diagram, failures, batches and payloads. */
export function traceLines(
  { calls, truncated, silent }: AskedTrace,
  { traceId, colors, widthMax }: TraceLinesOptions,
): readonly string[] {
  const notQueried = silent.map((line) => colors.yellow(`Not queried: ${printable(line)}`));
  if (calls.length === 0) {
    return [
      ...notQueried,
      `No call of the trace ${traceId} is recorded. Processes keep their last 4,096 spans, and failed or slow ones longer.`,
    ];
  }
  const batches = calls.filter(({ kind }) => kind === SpanKind.BATCHED);
  return [
    ...notQueried,
    ...sequenceLines(traceSequence(calls), { colors, widthMax }),
    "",
    `trace ${traceId}  ${calls.length} spans${truncated ? ", and more that are not shown" : ""}`,
    ...calls
      .filter(({ code, kind }) => code !== 0 && kind !== SpanKind.SERVER)
      .map((call) => failureLine(call, colors)),
    ...batches.map(
      ({ from, to, method, batchSize, links }) =>
        `  ${colors.dim("batch")}  ${from} → ${to} ${method} was batched with ${batchSize - 1} more${links[0] === undefined ? "" : `: parley trace ${links[0].traceId}`}`,
    ),
    ...calls.flatMap((call) => payloadLines(call, colors)),
  ];
}

function failureLine({ from, to, method, code, message, kind, ...call }: Call, colors: Colors): string {
  const side = kind === SpanKind.ATTEMPT ? `attempt ${call.attempt}` : "";
  return `  ${colors.red(codeName(code as number))}  ${[from, "→", to, method, side].filter((word) => word !== "").join(" ")}: ${printable(message)}`;
}

function payloadLines(
  { from, to, method, requestJson, responseJson, ...call }: Call,
  colors: Colors,
): readonly string[] {
  return requestJson === "" && responseJson === ""
    ? []
    : [
        "",
        `${colors.bold(`${from} → ${to} ${method}`)} ${ms(latencyMs(call as Call))}`,
        ...(requestJson === "" ? [] : [`  ${colors.dim("request ")} ${printable(requestJson)}`]),
        ...(responseJson === "" ? [] : [`  ${colors.dim("response")} ${printable(responseJson)}`]),
      ];
}
