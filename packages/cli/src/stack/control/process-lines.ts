import { toJson } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type FaultRule,
  ProcessState,
  type StackProcess,
  StackProcessSchema,
} from "@parley/gen/stack/v1/stack_service_pb.js";
import { tableLines } from "../../render/table.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import { faultInWords } from "./fault-in-words.ts";

/** Processes as a table, or as one JSON document per line. */
export function processLines(
  processes: readonly StackProcess[],
  { json, terminal }: { readonly json: boolean; readonly terminal: Pick<Terminal, "colors" | "width"> },
): readonly string[] {
  if (json) {
    return processes.map((process) =>
      JSON.stringify(toJson(StackProcessSchema, process, { alwaysEmitImplicit: true })),
    );
  }
  const rows = processes.map((process) => [
    process.name,
    stateInWords(process),
    process.pid === 0 ? "" : String(process.pid),
    String(process.port),
    process.pid === 0 || process.startTime === undefined ? "" : since(timestampMs(process.startTime)),
    String(process.starts),
    process.residentBytes === 0n ? "" : `${Math.round(Number(process.residentBytes) / 1_048_576)} MiB`,
    process.faults.map((fault: FaultRule) => faultInWords(fault)).join("; "),
  ]);
  const columns = ["process", "state", "pid", "port", "runs for", "starts", "memory", "faults"].map((title) => ({
    title,
  }));
  return tableLines(columns, rows, { colors: terminal.colors, widthMax: terminal.width });
}

function stateInWords({ state, lastExit }: StackProcess): string {
  return state === ProcessState.ENDED && lastExit !== "" ? lastExit : ProcessState[state].toLowerCase();
}

function since(startMs: number): string {
  const seconds = Math.max(0, Math.round((Date.now() - startMs) / 1_000));
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const names = ["h", "m", "s"];
  const first = parts.findIndex((part) => part > 0);
  return first < 0
    ? "0 s"
    : parts
        .slice(first, first + 2)
        .map((part, index) => `${part} ${names[first + index]}`)
        .join(" ");
}
