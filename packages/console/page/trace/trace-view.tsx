import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { CallDetails } from "../calls/call-details.tsx";
import { startMs } from "../live/call.ts";
import type { CallRow } from "../live/calls.ts";
import { wantCalls } from "../live/live-stream.ts";
import { copyText } from "../parts/copy.tsx";
import { Empty } from "../parts/empty.tsx";
import { Failure } from "../parts/failure.tsx";
import { Icon } from "../parts/icons.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { linkTo, route, setParams } from "../route.ts";
import { OrderTraces } from "./order-trace.tsx";
import { mermaidOf, sequenceOf } from "./sequence.ts";
import { SequenceDiagram } from "./sequence-diagram.tsx";
import { TraceList } from "./trace-list.tsx";
import { followTrace, traceCalls, traceError } from "./trace-state.ts";

const selected = signal<CallRow | undefined>(undefined);

export function TraceView(): JSX.Element {
  const [traceId, orderId] = route.value.rest;
  if (traceId === "order" && orderId !== undefined && orderId !== "") {
    return <OrderTraces key={orderId} orderId={orderId} />;
  }
  return traceId === undefined || traceId === "" ? <TraceList /> : <OneTrace key={traceId} traceId={traceId} />;
}

function OneTrace({ traceId }: { readonly traceId: string }): JSX.Element {
  useEffect(wantCalls, []);
  useEffect(() => {
    selected.value = undefined;
    return followTrace(traceId);
  }, [traceId]);
  const database = route.value.params.get("database") !== null;
  const calls = traceCalls.value;
  const sequence = calls === undefined || calls.length === 0 ? undefined : sequenceOf(calls, { database });
  return (
    <div class="page">
      <PageHead
        title="Sequence"
        text="The calls and events of one request, in time order. A running trace is updated live."
      >
        <div class="row">
          <label class="check">
            <input
              type="checkbox"
              checked={database}
              onChange={(event) => setParams({ database: event.currentTarget.checked ? "1" : undefined })}
            />
            Databases
          </label>
          <button
            type="button"
            class="button"
            disabled={sequence === undefined}
            onClick={() =>
              sequence !== undefined && void copyText(mermaidOf(sequence), "The diagram is copied as Mermaid.")
            }
          >
            <Icon name="copy" />
            Copy as Mermaid
          </button>
          <button type="button" class="button" onClick={() => void copyText(location.href, "The link is copied.")}>
            <Icon name="link" />
            Copy link
          </button>
          <a class="button" href={linkTo("calls", { q: traceId })}>
            List of calls
          </a>
        </div>
      </PageHead>
      {traceError.value === undefined ? null : <Failure error={traceError.value} />}
      <div class={`calls ${selected.value === undefined ? "" : "with-details"}`}>
        <section class="panel" aria-label="Sequence">
          {sequence === undefined ? (
            <Nothing reading={calls === undefined} traceId={traceId} />
          ) : (
            <SequenceDiagram
              sequence={sequence}
              selected={selected.value?.span}
              onSelect={(span) => {
                const server = calls?.find(({ kind, parentSpanId }) => kind === 1 && parentSpanId === span.spanId);
                selected.value = { id: 0, startMs: startMs(span), span, client: span, server, text: "" };
              }}
            />
          )}
        </section>
        {selected.value === undefined ? null : (
          <CallDetails
            key={selected.value.span.spanId}
            row={selected.value}
            onClose={() => {
              selected.value = undefined;
            }}
          />
        )}
      </div>
      <p class="small muted mono">Trace {traceId}</p>
    </div>
  );
}

function Nothing({ reading, traceId }: { readonly reading: boolean; readonly traceId: string }): JSX.Element {
  return reading && traceError.value === undefined ? (
    <p class="empty">Reading…</p>
  ) : (
    <Empty icon="calls" title="No call of this trace is stored">
      <span>
        Traces are stored for a limited time, failed and slow ones longer.{" "}
        <a href={linkTo("trace")}>See the stored traces</a>, or{" "}
        <a href={linkTo("calls", { q: traceId })}>search the list of calls</a>.
      </span>
    </Empty>
  );
}
