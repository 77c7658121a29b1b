import type { Call } from "@parley/gen/rpc/v1/telemetry_pb.js";
import type { JSX } from "preact";
import { durationText } from "../parts/format.ts";
import type { Sequence, Step } from "./sequence.ts";

const columnWidth = 168;
const rowHeight = 36;
const headHeight = 56;
const asideWidth = 84;
const noteHeight = 34;

/** A trace as arrows between its processes, from top to bottom. Asynchronous steps are dashed and violet. */
export function SequenceDiagram({
  sequence,
  selected,
  onSelect,
}: {
  readonly sequence: Sequence;
  readonly selected: Call | undefined;
  readonly onSelect: (call: Call) => void;
}): JSX.Element {
  const { participants, steps, beganMs } = sequence;
  const firstAsync = steps.findIndex(({ async }) => async);
  const noteAt = firstAsync > 0 ? firstAsync : Number.POSITIVE_INFINITY;
  const yOf = (index: number) => headHeight + 24 + index * rowHeight + (index >= noteAt ? noteHeight : 0);
  const xOf = (name: string) => asideWidth + columnWidth / 2 + participants.indexOf(name) * columnWidth;
  const width = asideWidth + participants.length * columnWidth + 12;
  const height = yOf(steps.length) + 8;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be focusable.
    <div class="diagram-scroll" tabIndex={0} role="region" aria-label="Sequence diagram">
      <svg
        class="sequence"
        width={width}
        height={height}
        viewBox={`0 0 ${width} ${height}`}
        role="group"
        aria-label="Sequence"
      >
        <Arrowheads />
        {participants.map((name) => (
          <g key={name}>
            <line class="lifeline" x1={xOf(name)} x2={xOf(name)} y1={headHeight} y2={height - 4} />
            <rect class="participant" x={xOf(name) - 66} y={12} width={132} height={32} rx={6} />
            <text class="participant-name" x={xOf(name)} y={33} text-anchor="middle">
              {name}
            </text>
          </g>
        ))}
        {activations(steps).map(({ key, at, from, until }) => (
          <rect
            key={key}
            class="activation"
            x={xOf(at) - 4}
            y={yOf(from)}
            width={8}
            height={Math.max(4, yOf(until) - yOf(from))}
            rx={2}
          />
        ))}
        {noteAt === Number.POSITIVE_INFINITY ? null : (
          <g>
            <line
              class="afterwards"
              x1={8}
              x2={width - 8}
              y1={yOf(noteAt) - rowHeight + 4}
              y2={yOf(noteAt) - rowHeight + 4}
            />
            <text class="afterwards-text" x={asideWidth + 8} y={yOf(noteAt) - rowHeight + 20}>
              Asynchronous: no caller waits for this
            </text>
          </g>
        )}
        {steps.map((step, index) => (
          <Arrow
            key={step.key}
            step={step}
            y={yOf(index)}
            x1={xOf(step.from)}
            x2={xOf(step.to)}
            sinceMs={step.atMs - beganMs}
            selected={selected !== undefined && step.call === selected}
            onSelect={onSelect}
          />
        ))}
      </svg>
    </div>
  );
}

function Arrow({
  step,
  y,
  x1,
  x2,
  sinceMs,
  selected,
  onSelect,
}: {
  readonly step: Step;
  readonly y: number;
  readonly x1: number;
  readonly x2: number;
  readonly sinceMs: number;
  readonly selected: boolean;
  readonly onSelect: (call: Call) => void;
}): JSX.Element {
  const { from, to, label, kind, failed, async, call } = step;
  const look = `${kind} ${failed ? "failed" : ""} ${async ? "async" : ""} ${selected ? "selected" : ""}`;
  const itself = x1 === x2;
  const end = x2 + (x2 > x1 ? -6 : 6);
  const path = itself ? `M${x1} ${y - 6}h34v12h-28` : `M${x1} ${y}H${end}`;
  const name = `${label}, ${from} to ${to}${failed ? ", failed" : ""}`;
  return (
    <g
      class={`step ${look}`}
      role="button"
      tabindex={0}
      aria-label={name}
      onClick={() => onSelect(call)}
      onKeyDown={(event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          onSelect(call);
        }
      }}
    >
      <title>{`${name}${call.message === "" ? "" : `: ${call.message}`}`}</title>
      <rect class="step-area" x={4} y={y - 22} width="calc(100% - 8px)" height={rowHeight - 2} rx={4} />
      <text class="step-time" x={asideWidth - 16} y={y + 4} text-anchor="end">
        {durationText(Math.max(0, sinceMs))}
      </text>
      <path d={path} marker-end={`url(#head-${failed ? "failed" : async ? "async" : "sync"})`} />
      <text class="step-label" x={itself ? x1 + 40 : (x1 + x2) / 2} y={y - 7} text-anchor={itself ? "start" : "middle"}>
        {label}
      </text>
    </g>
  );
}

function Arrowheads(): JSX.Element {
  return (
    <defs>
      {["sync", "async", "failed"].map((kind) => (
        <marker
          key={kind}
          id={`head-${kind}`}
          class={`head-${kind}`}
          viewBox="0 0 8 8"
          refX="6"
          refY="4"
          markerWidth="7"
          markerHeight="7"
          orient="auto"
        >
          <path d="M0 0 8 4 0 8z" />
        </marker>
      ))}
    </defs>
  );
}

interface Activation {
  readonly key: string;
  readonly at: string;
  readonly from: number;
  readonly until: number;
}

/** The activation bars: the time from a call's arrow to its response. */
function activations(steps: readonly Step[]): readonly Activation[] {
  const ends = new Map(steps.map(({ key }, index) => [key, index]));
  return steps.flatMap(({ key, kind, to }, index) => {
    const until = ends.get(`${key}:end`);
    return kind === "call" && until !== undefined ? [{ key, at: to, from: index, until }] : [];
  });
}
