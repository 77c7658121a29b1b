import type { Code } from "@connectrpc/connect";
import { type Call, SpanKind } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { isAsync, isFailed, latencyMs } from "../live/call.ts";
import type { CallRow } from "../live/calls.ts";
import { codeName } from "../parts/failure.tsx";

/** The filter of the calls, as stored in the URL. */
export interface CallFilter {
  /** Every word must occur in the call's names, message or ids. */
  readonly text: string;
  /** The process on either side. */
  readonly process: string;
  readonly from: string;
  readonly to: string;
  /** `failed`, or a code such as `UNAVAILABLE`. */
  readonly code: string;
  /** The minimum duration, in milliseconds. */
  readonly slow: number;
  /** `calls`, `events`, `attempts` or `database`. Empty for calls and events. */
  readonly kind: string;
}

export function filterOf(params: URLSearchParams): CallFilter {
  return {
    text: params.get("q") ?? "",
    process: params.get("process") ?? "",
    from: params.get("from") ?? "",
    to: params.get("to") ?? "",
    code: params.get("code") ?? "",
    slow: Number(params.get("slow") ?? 0) || 0,
    kind: params.get("kind") ?? "",
  };
}

/** The number of matching rows above an id. */
export function countNewer(rows: readonly CallRow[], filter: CallFilter, lastId: number): number {
  const first = rows.findLastIndex(({ id }) => id <= lastId) + 1;
  return filtered(rows.slice(first), filter, rows.length).length;
}

/** The matching rows, newest first, at most `max`. */
export function filtered(rows: readonly CallRow[], filter: CallFilter, max: number): readonly CallRow[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const shown: CallRow[] = [];
  for (let index = rows.length - 1; index >= 0 && shown.length < max; index--) {
    const row = rows[index];
    if (row !== undefined && passes(row, filter) && words.every((word) => row.text.includes(word))) {
      shown.push(row);
    }
  }
  return shown;
}

function passes(row: CallRow, { process, from, to, code, slow, kind }: CallFilter): boolean {
  const { span } = row;
  return (
    kindPasses(span, kind) &&
    (process === "" || span.from === process || span.to === process) &&
    (from === "" || span.from === from) &&
    (to === "" || span.to === to) &&
    (code === "" || (code === "failed" ? isFailed(span) : codeText(span) === code)) &&
    (slow === 0 || latencyMs(span) >= slow)
  );
}

function kindPasses(span: Call, kind: string): boolean {
  switch (kind) {
    case "calls":
      return span.kind === SpanKind.CLIENT || span.kind === SpanKind.SERVER || span.kind === SpanKind.BATCHED;
    case "events":
      return isAsync(span);
    case "attempts":
      return span.kind === SpanKind.ATTEMPT;
    case "database":
      return span.kind === SpanKind.DATABASE;
    default:
      return span.kind !== SpanKind.ATTEMPT && span.kind !== SpanKind.DATABASE;
  }
}

/** `OK`, or the gRPC name of the code. */
export function codeText({ code }: Call): string {
  return code === 0 ? "OK" : codeName(code as number as Code);
}
