import type { JSX } from "preact";
import { brokers, type EdgeSummary } from "../live/call-statistics.ts";
import { replicas } from "../live/calls.ts";
import { edgeState, storeOf } from "../live/dependencies.ts";
import { health } from "../live/live-stream.ts";
import { durationText } from "../parts/format.ts";
import { goTo, linkTo } from "../route.ts";
import { session } from "../session/session.ts";
import { edgeFilter } from "./edge-filter.ts";
import { gateway, type MapLayout, type MapNode, nodeHeight, nodeWidth, outside, storeHeight } from "./map-layout.ts";

/** The services as boxes, and the calls between them as lines. A line is thicker if there are more calls. */
export function ServiceMap({
  layout,
  edges,
  stores,
}: {
  readonly layout: MapLayout;
  readonly edges: readonly EdgeSummary[];
  /** The latency of each process's transactions, as text. */
  readonly stores: ReadonlyMap<string, string>;
}): JSX.Element {
  const { nodes, width, height } = layout;
  const declared = declaredEdges(layout).filter(
    (one) => !edges.some(({ from, to }) => from === one.from && to === one.to),
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be focusable.
    <div class="diagram-scroll" tabIndex={0} role="region" aria-label="Map">
      <svg
        class="map"
        viewBox={`0 0 ${width} ${height}`}
        style={{ minWidth: `${width * 0.72}px`, maxWidth: `${width * 1.5}px` }}
        role="group"
        aria-label="Services and their calls"
      >
        {declared.map(({ from, to }) => (
          <path key={`${from}>${to}`} class="edge quiet" d={pathOf(nodes.get(from), nodes.get(to))} />
        ))}
        {edges.map((edge) => (
          <Edge key={`${edge.from}>${edge.to}`} edge={edge} from={nodes.get(edge.from)} to={nodes.get(edge.to)} />
        ))}
        {[...nodes.values()].map((node) => (
          <Node key={node.name} node={node} store={stores.get(node.name)} />
        ))}
      </svg>
    </div>
  );
}

/** The edges that the services declare, with or without current calls. */
function declaredEdges({ nodes }: MapLayout): readonly { readonly from: string; readonly to: string }[] {
  const services = session.value?.services ?? [];
  return [
    { from: outside, to: gateway },
    ...services.map(({ name }) => ({ from: gateway, to: name })),
    ...services.flatMap(({ name, calls }) => calls.map((to) => ({ from: name, to }))),
  ].filter(({ from, to }) => nodes.has(from) && nodes.has(to));
}

function pathOf(from: MapNode | undefined, to: MapNode | undefined): string {
  if (from === undefined || to === undefined) {
    return "";
  }
  const [x1, y1] = [from.x + nodeWidth, from.y + nodeHeight / 2];
  const [x2, y2] = [to.x, to.y + nodeHeight / 2];
  if (x2 <= x1) {
    // A line to the left or within a column is drawn around the nodes.
    const x = Math.max(x1, to.x + nodeWidth);
    return `M${x1} ${y1}C${x + 60} ${y1} ${x + 60} ${y2} ${to.x + nodeWidth} ${y2}`;
  }
  const bend = (x2 - x1) / 2;
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

function Edge({
  edge,
  from,
  to,
}: {
  readonly edge: EdgeSummary;
  readonly from: MapNode | undefined;
  readonly to: MapNode | undefined;
}): JSX.Element {
  const { perSecond, errorShare, p50Ms, p99Ms, async } = edge;
  const state = edgeState(edge.from, edge.to);
  const breaker = state?.breaker ?? "closed";
  const idle = perSecond === 0 && breaker === "closed";
  const look = idle ? "quiet" : breaker !== "closed" || errorShare > 0 ? "bad" : async ? "async" : "";
  const words = [
    `${edge.from} to ${edge.to}: ${rateText(perSecond)}/s, ${(errorShare * 100).toFixed(0)} % errors`,
    `p50 ${durationText(p50Ms)}`,
    `p99 ${durationText(p99Ms)}`,
    ...(breaker === "closed" ? [] : [`breaker ${breaker}`]),
    ...(state === undefined || state.addresses < 2 ? [] : [`${state.usableAddresses} of ${state.addresses} addresses`]),
    ...(state?.unusable ?? []),
  ].join(", ");
  const open = () => goTo(linkTo("calls", edgeFilter(edge)));
  const [labelX, labelY] =
    from === undefined || to === undefined
      ? [0, 0]
      : [from.x + nodeWidth + (to.x - from.x - nodeWidth) * 0.74, from.y + (to.y - from.y) * 0.86 + nodeHeight / 2];
  return (
    <g
      class={`edge-group ${look}`}
      data-edge={`${edge.from}>${edge.to}`}
      data-breaker={state?.breaker}
      role="link"
      tabindex={0}
      aria-label={words}
      onClick={open}
      onKeyDown={(event) => event.key === "Enter" && open()}
    >
      <title>{words}</title>
      <path class="edge-area" d={pathOf(from, to)} />
      <path class={`edge ${look}`} d={pathOf(from, to)} style={{ strokeWidth: `${widthOf(perSecond)}px` }} />
      {idle ? null : (
        <text class="edge-label" x={labelX} y={labelY - 5} text-anchor="middle">
          {rateText(perSecond)}/s
          <tspan x={labelX} dy={20}>
            {breaker === "closed" ? "" : breaker}
            {state !== undefined && state.unusable.length > 0 && state.addresses > 1
              ? ` ${state.usableAddresses} of ${state.addresses}`
              : ""}
          </tspan>
        </text>
      )}
    </g>
  );
}

function widthOf(perSecond: number): number {
  return 1.2 + Math.min(5, Math.log10(1 + perSecond) * 1.7);
}

function rateText(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}

function Node({
  node: { name, x, y },
  store,
}: {
  readonly node: MapNode;
  readonly store: string | undefined;
}): JSX.Element {
  const isBroker = brokers.has(name);
  const state = name === outside || name === gateway || isBroker ? "SERVING" : (health.value.get(name) ?? "UNKNOWN");
  const service = session.value?.services.find((info) => info.name === name);
  const count = replicas.value.get(name)?.size ?? 0;
  const below =
    name === outside
      ? "browsers, curl, parley"
      : name === gateway
        ? "REST, gRPC, Connect"
        : isBroker
          ? "event broker"
          : [state === "SERVING" ? (count > 1 ? `${count} replicas` : "serving") : stateWords[state]].join("");
  return (
    <g
      class={`map-node ${state === "SERVING" ? "" : state === "UNKNOWN" ? "unknown" : "bad"}`}
      data-node={name}
      data-state={state}
    >
      <rect x={x} y={y} width={nodeWidth} height={nodeHeight} rx={8} />
      {name === outside ? null : <circle cx={x + 16} cy={y + 22} r={4} />}
      <text class="node-name" x={x + (name === outside ? 14 : 28)} y={y + 26}>
        {name}
      </text>
      <text class="node-below" x={x + 14} y={y + 45}>
        {below}
      </text>
      {service?.database === true ? <Store name={name} x={x} y={y + nodeHeight} latency={store} /> : null}
    </g>
  );
}

/** A process's database below it, which links to its transactions. */
function Store({
  name,
  x,
  y,
  latency,
}: {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly latency: string | undefined;
}): JSX.Element {
  const system = storeOf(name) ?? "database";
  const words = latency === undefined ? system : `${system} ${latency}`;
  const open = () => goTo(linkTo("calls", { from: name, kind: "database" }));
  const [left, right, top, bottom] = [x + 14, x + nodeWidth - 14, y + 3, y + storeHeight];
  return (
    <g
      class="map-store"
      data-store={name}
      role="link"
      tabindex={0}
      aria-label={`Transactions of ${name}: ${words}`}
      onClick={open}
      onKeyDown={(event) => event.key === "Enter" && open()}
    >
      <path
        d={`M${left} ${top}V${bottom - 4}C${left} ${bottom + 1} ${right} ${bottom + 1} ${right} ${bottom - 4}V${top}C${right} ${top + 5} ${left} ${top + 5} ${left} ${top}Z`}
      />
      <text x={x + nodeWidth / 2} y={y + 16} text-anchor="middle">
        {words}
      </text>
    </g>
  );
}

const stateWords: Readonly<Record<string, string>> = {
  UNREACHABLE: "unreachable",
  NOT_SERVING: "not serving",
  UNKNOWN: "not checked yet",
};
