import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { SecondSummary } from "../live/call-statistics.ts";
import { statistics } from "../live/calls.ts";
import { route, setParams } from "../route.ts";
import { theme } from "../theme.ts";
import { outside } from "./map-layout.ts";

/** How often the charts are redrawn, in milliseconds. */
const drawMs = 1_000;
const heightPx = 190;

const history = signal<readonly SecondSummary[]>([]);

/** Rates and latencies of the last 15 minutes, as far as this page has recorded them. */
export function Charts(): JSX.Element {
  const edge = route.value.params.get("edge");
  useEffect(() => {
    const look = () => {
      const [from, to] = edge?.split(">") ?? [];
      history.value = statistics.history((oneFrom, oneTo) =>
        edge === null ? oneTo === "gateway" : (oneFrom === from || from === outside) && oneTo === to,
      );
    };
    look();
    const timer = setInterval(look, drawMs);
    return () => clearInterval(timer);
  }, [edge]);
  const what = edge === null ? "Calls to the gateway" : edge.replace(">", " → ");
  return (
    <div class="stack">
      <div class="row">
        <h2>{what}, last 15 minutes</h2>
        {edge === null ? null : (
          <button type="button" class="button small" onClick={() => setParams({ edge: undefined })}>
            Show all calls
          </button>
        )}
      </div>
      <div class="columns two">
        <Chart
          title="Calls and errors a second"
          series={[
            { label: "calls", color: "--accent", value: ({ calls }) => calls },
            { label: "errors", color: "--bad", value: ({ errors }) => errors },
          ]}
        />
        <Chart
          title="Latency in milliseconds"
          series={[
            { label: "p50", color: "--accent", value: ({ p50Ms, calls }) => (calls === 0 ? null : p50Ms) },
            { label: "p99", color: "--async", value: ({ p99Ms, calls }) => (calls === 0 ? null : p99Ms) },
          ]}
        />
      </div>
    </div>
  );
}

interface Series {
  readonly label: string;
  /** The name of a CSS variable. */
  readonly color: string;
  readonly value: (second: SecondSummary) => number | null;
}

function Chart({ title, series }: { readonly title: string; readonly series: readonly Series[] }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const colors = theme.value;
  useEffect(() => {
    const element = place.current;
    if (element === null) {
      return;
    }
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const axis = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
    const plot = new uPlot(
      {
        width: element.clientWidth || 300,
        height: heightPx,
        cursor: { y: false },
        scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] } },
        axes: [axis, { ...axis, size: 48 }],
        series: [
          {},
          ...series.map(({ label, color: name }) => ({
            label,
            stroke: color(name),
            width: 1.5,
            points: { show: false },
            value: (_plot: uPlot, value: number | null) => (value === null ? "–" : value.toFixed(1)),
          })),
        ],
      },
      [[], ...series.map(() => [])],
      element,
    );
    chart.current = plot;
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: heightPx }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
      chart.current = undefined;
    };
  }, [colors]);
  useEffect(() => {
    const seconds = history.value;
    chart.current?.setData([seconds.map(({ at }) => at), ...series.map(({ value }) => seconds.map(value))]);
  }, [history.value, colors]);
  const last = history.value.findLast(({ calls }) => calls > 0);
  return (
    <figure class="panel chart" aria-label={title}>
      <figcaption>
        {title}
        <span class="unseen">
          {last === undefined
            ? ": nothing yet"
            : series.map(({ label, value }) => `, ${label} ${value(last) ?? 0}`).join("")}
        </span>
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}
