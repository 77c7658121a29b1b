import { SpanKind } from "@parley/gen/rpc/v1/telemetry_pb.js";
import type { JSX } from "preact";
import { isAsync, isFailed, latencyMs } from "../live/call.ts";
import { type CallRow, marksOf } from "../live/calls.ts";
import { durationText, preciseTime } from "../parts/format.ts";
import { codeText } from "./call-filter.ts";

export function CallLineHead(): JSX.Element {
  return (
    <div class="call-line head" aria-hidden="true">
      <span>Time</span>
      <span>From → to</span>
      <span>Method</span>
      <span>Protocol</span>
      <span>Code</span>
      <span class="number">Took</span>
      <span class="call-marks">Marks</span>
    </div>
  );
}

/** A row of the list of calls. */
export function CallLine({ row }: { readonly row: CallRow }): JSX.Element {
  const { span, startMs, server } = row;
  const failed = isFailed(span);
  return (
    <span class={`call-line ${failed ? "failed" : ""} ${isAsync(span) ? "async" : ""}`}>
      <span class="tabular muted">{preciseTime(startMs)}</span>
      <span class="call-way">
        {span.from || "?"} <span class="arrow">{isAsync(span) ? "⇢" : "→"}</span> {span.to || "?"}
      </span>
      <span class="call-method" title={`${span.service}/${span.method}`}>
        {span.method}
      </span>
      <span class="muted">{span.protocol || kindWords[span.kind]}</span>
      <span class={failed ? "wrong" : "muted"}>{codeText(span)}</span>
      <span class="number">{durationText(latencyMs(span))}</span>
      <span class="call-marks">
        {marksOf(row).map((mark) => (
          <span key={mark} class="badge warn">
            {mark}
          </span>
        ))}
        {span.attempts > 1 ? <span class="badge warn">{span.attempts} attempts</span> : null}
        {span.attempt > 1 ? <span class="badge warn">attempt {span.attempt}</span> : null}
        {(server ?? span).batchSize > 1 ? <span class="badge">batch of {(server ?? span).batchSize}</span> : null}
      </span>
    </span>
  );
}

export const kindWords: Readonly<Partial<Record<SpanKind, string>>> = {
  [SpanKind.SERVER]: "call",
  [SpanKind.CLIENT]: "call",
  [SpanKind.ATTEMPT]: "attempt",
  [SpanKind.BATCHED]: "in a batch",
  [SpanKind.EVENT_PUBLISH]: "event out",
  [SpanKind.EVENT_CONSUME]: "event in",
  [SpanKind.MAIL]: "mail",
  [SpanKind.DATABASE]: "database",
};
