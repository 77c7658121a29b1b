import { computed, signal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { EdgeSummary } from "../live/call-statistics.ts";
import { statistics } from "../live/calls.ts";
import { dependencies, edgeState } from "../live/dependencies.ts";
import { wantCalls } from "../live/live-stream.ts";
import { durationText } from "../parts/format.ts";
import { lazy } from "../parts/lazy.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { linkTo, route, setParams } from "../route.ts";
import { isAdmin, session } from "../session/session.ts";
import { edgeFilter } from "./edge-filter.ts";
import { layOut, outside, withBrokers } from "./map-layout.ts";
import { ServiceMap } from "./service-map.tsx";

/** The window of rates and latencies, in seconds, and how often they are updated. */
const windowSeconds = 10;
const refreshMs = 1_000;

const edges = signal<readonly EdgeSummary[]>([]);
const layout = computed(() => layOut(withBrokers(session.value?.services ?? [], dependencies.value)));
const Charts: ComponentType = lazy(() => import("./charts.tsx").then((module) => module.Charts));

/** The calls between services, with their rates, latencies and errors. */
export function MapView(): JSX.Element {
  useEffect(wantCalls, []);
  useEffect(() => {
    const look = () => {
      edges.value = merged(statistics.summaries(windowSeconds));
    };
    look();
    const timer = setInterval(look, refreshMs);
    return () => clearInterval(timer);
  }, []);
  const shown = edges.value.filter(({ from, to }) => layout.value.nodes.has(from) && layout.value.nodes.has(to));
  return (
    <div class="page">
      <PageHead
        title="Map"
        text={`Dependencies between services: calls per second, errors and latency of the last ${windowSeconds} seconds. Select an edge to see its calls.`}
      />
      {session.value !== undefined && !isAdmin() ? (
        <p class="muted">
          Rates are computed from calls, which only admins can see. The states of the services are live.
        </p>
      ) : null}
      <section class="panel" aria-label="Map of the services">
        <ServiceMap layout={layout.value} edges={shown} stores={storesOf(edges.value)} />
      </section>
      <section class="panel" aria-label="Edges">
        <EdgeTable edges={edges.value.filter(({ perSecond }) => perSecond > 0)} />
      </section>
      <Charts />
    </div>
  );
}

/** The latency of each process's transactions. */
function storesOf(summaries: readonly EdgeSummary[]): ReadonlyMap<string, string> {
  const { nodes } = layout.value;
  const stores = summaries.filter(({ from, to }) => nodes.has(from) && /^(sqlite|postgres)/.test(to));
  return new Map(stores.filter(({ perSecond }) => perSecond > 0).map(({ from, p50Ms }) => [from, durationText(p50Ms)]));
}

/** Merges all external callers into one. */
function merged(summaries: readonly EdgeSummary[]): readonly EdgeSummary[] {
  const { nodes } = layout.value;
  const found = new Map<string, EdgeSummary>();
  for (const summary of summaries) {
    const from = nodes.has(summary.from) ? summary.from : outside;
    const key = `${from} ${summary.to}`;
    const other = found.get(key);
    const perSecond = summary.perSecond + (other?.perSecond ?? 0);
    found.set(
      key,
      other === undefined
        ? { ...summary, from }
        : {
            ...summary,
            from,
            perSecond,
            errorShare:
              perSecond === 0
                ? 0
                : (summary.perSecond * summary.errorShare + other.perSecond * other.errorShare) / perSecond,
            p50Ms: Math.max(summary.p50Ms, other.p50Ms),
            p99Ms: Math.max(summary.p99Ms, other.p99Ms),
          },
    );
  }
  return [...found.values()].sort((one, other) => other.perSecond - one.perSecond);
}

/** Breaker and addresses, as the calling process reports them. */
function ReportedState({ from, to }: { readonly from: string; readonly to: string }): JSX.Element {
  const state = edgeState(from, to);
  if (state === undefined) {
    return (
      <>
        <td class="muted">–</td>
        <td class="muted">–</td>
      </>
    );
  }
  const { breaker, usableAddresses, addresses, unusable } = state;
  return (
    <>
      <td>
        {breaker === "closed" ? (
          <span class="muted">closed</span>
        ) : (
          <span class={`badge ${breaker === "open" ? "bad" : "warn"}`}>{breaker}</span>
        )}
      </td>
      <td class={unusable.length > 0 ? "wrong" : "muted"} title={unusable.join(", ")}>
        {usableAddresses} of {addresses}
      </td>
    </>
  );
}

function EdgeTable({ edges }: { readonly edges: readonly EdgeSummary[] }): JSX.Element {
  const chosen = route.value.params.get("edge") ?? "";
  if (edges.length === 0) {
    return <p class="empty">No calls in the last {windowSeconds} seconds.</p>;
  }
  return (
    <div class="table-scroll">
      <table>
        <thead>
          <tr>
            <th>From → to</th>
            <th class="number">Calls a second</th>
            <th class="number">Errors</th>
            <th class="number">p50</th>
            <th class="number">p99</th>
            <th>Breaker</th>
            <th>Addresses</th>
            <th>
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {edges.map((edge) => {
            const key = `${edge.from}>${edge.to}`;
            return (
              <tr key={key} aria-selected={key === chosen}>
                <td>
                  {edge.from} {edge.async ? "⇢" : "→"} {edge.to}
                  {edge.async ? <span class="badge async"> asynchronous</span> : null}
                </td>
                <td class="number">{edge.perSecond.toFixed(1)}</td>
                <td class={`number ${edge.errorShare > 0 ? "wrong" : ""}`}>{(edge.errorShare * 100).toFixed(1)} %</td>
                <td class="number">{durationText(edge.p50Ms)}</td>
                <td class="number">{durationText(edge.p99Ms)}</td>
                <ReportedState from={edge.from} to={edge.to} />
                <td class="actions">
                  <button
                    type="button"
                    class="button small"
                    aria-pressed={key === chosen}
                    onClick={() => setParams({ edge: key === chosen ? undefined : key })}
                  >
                    Chart<span class="unseen"> {key}</span>
                  </button>
                  <a class="button small" href={linkTo("calls", edgeFilter(edge))}>
                    Calls<span class="unseen"> of {key}</span>
                  </a>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
