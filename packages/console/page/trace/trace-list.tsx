import { TraceOrder, type TraceSummary } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { codeText } from "../calls/call-filter.ts";
import { isFailed, latencyMs, startMs } from "../live/call.ts";
import { Empty } from "../parts/empty.tsx";
import { Failure } from "../parts/failure.tsx";
import { durationText, timeText } from "../parts/format.ts";
import { PageHead } from "../parts/page-head.tsx";
import { linkTo, route, setParams } from "../route.ts";
import { session } from "../session/session.ts";
import { telemetry } from "../session/telemetry.ts";

const orders = {
  newest: [TraceOrder.NEWEST, "Newest"],
  slowest: [TraceOrder.SLOWEST, "Slowest"],
  failed: [TraceOrder.FAILED, "Failed"],
} as const;

const traces = signal<readonly TraceSummary[] | undefined>(undefined);
const error = signal<unknown>(undefined);

async function read(order: TraceOrder): Promise<void> {
  try {
    traces.value = (await telemetry.listTraces({ order, pageSize: 50 })).traces;
    error.value = undefined;
  } catch (failure) {
    error.value = failure;
  }
}

/** The recorded traces. */
export function TraceList(): JSX.Element {
  const name = (route.value.params.get("order") ?? "newest") as keyof typeof orders;
  const [order] = orders[name] ?? orders.newest;
  useEffect(() => void read(order), [order, session.value]);
  return (
    <div class="page">
      <PageHead title="Sequences" text="The sequence diagram of each request. Select one.">
        <div class="row">
          <div class="tabs" role="group" aria-label="Order">
            {Object.entries(orders).map(([key, [, label]]) => (
              <button key={key} type="button" aria-pressed={key === name} onClick={() => setParams({ order: key })}>
                {label}
              </button>
            ))}
          </div>
          <button type="button" class="button" onClick={() => void read(order)}>
            Refresh
          </button>
        </div>
      </PageHead>
      {error.value === undefined ? null : <Failure error={error.value} />}
      <section class="panel" aria-label="Traces">
        {traces.value === undefined ? (
          error.value === undefined ? (
            <p class="empty">Reading…</p>
          ) : null
        ) : traces.value.length === 0 ? (
          <Empty icon="calls" title="No traces here">
            <a href={linkTo("shop")}>Place an order</a>
          </Empty>
        ) : (
          <TraceTable traces={traces.value} />
        )}
      </section>
    </div>
  );
}

export function TraceTable({ traces }: { readonly traces: readonly TraceSummary[] }): JSX.Element {
  return (
    <div class="table-scroll">
      <table>
        <thead>
          <tr>
            <th>Began</th>
            <th>First call</th>
            <th>Code</th>
            <th class="number">Took</th>
            <th class="number">Spans</th>
            <th>Processes</th>
          </tr>
        </thead>
        <tbody>
          {traces.map(({ traceId, root, spans, failedSpans, processes, duration }) => (
            <tr key={traceId}>
              <td class="tabular">{root === undefined ? "–" : timeText(startMs(root))}</td>
              <td>
                <a href={linkTo(`trace/${traceId}`)}>{root?.method || traceId}</a>
              </td>
              <td class={root !== undefined && isFailed(root) ? "wrong" : "muted"}>
                {root === undefined ? "–" : codeText(root)}
              </td>
              <td class="number">{durationText(latencyMs({ latency: duration }))}</td>
              <td class="number">
                {spans}
                {failedSpans > 0 ? <span class="wrong"> ({failedSpans} failed)</span> : null}
              </td>
              <td class="muted">{processes.join(", ")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
