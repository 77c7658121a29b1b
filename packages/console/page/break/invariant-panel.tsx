import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Failure } from "../parts/failure.tsx";
import { count } from "../parts/format.ts";
import { Icon } from "../parts/icons.tsx";
import { isAdmin } from "../session/session.ts";
import { type Invariant, invariants, type Verdict, watchInvariants } from "./invariants.ts";
import { counts, perSecond, running, startTraffic, stopTraffic, trafficError } from "./traffic.ts";

/** The invariants, checked while orders are placed. */
export function InvariantPanel(): JSX.Element {
  useEffect(watchInvariants, []);
  return (
    <section class="panel" aria-label="Invariants">
      <header>
        <h2>Invariants</h2>
        <label class="check">
          <span class="label">Orders a second</span>
          <input
            class="rate"
            type="range"
            min={1}
            max={100}
            value={perSecond.value}
            aria-label="Orders a second"
            onInput={(event) => (perSecond.value = event.currentTarget.valueAsNumber)}
          />
          <span class="tabular rate-number">{perSecond.value}</span>
        </label>
        <button
          type="button"
          class={`button ${running.value ? "" : "main"}`}
          disabled={!isAdmin()}
          aria-pressed={running.value}
          onClick={() => (running.value ? stopTraffic() : void startTraffic())}
        >
          <Icon name={running.value ? "pause" : "play"} />
          {running.value ? "Stop traffic" : "Start traffic"}
        </button>
      </header>
      <div class="body stack">
        {trafficError.value === undefined ? null : <Failure error={trafficError.value} />}
        <ul class="invariants">
          {invariants.value.map((invariant) => (
            <InvariantLine key={invariant.name} invariant={invariant} />
          ))}
        </ul>
        <Outcome />
      </div>
    </section>
  );
}

const looks: Readonly<Record<Verdict, readonly [string, string]>> = {
  holds: ["good", "holds"],
  // A stopped service delays orders and notifications. Nothing is wrong if they are completed once it runs again.
  waits: ["good", "settling"],
  broken: ["bad", "broken"],
};

function InvariantLine({ invariant: { name, verdict, words } }: { readonly invariant: Invariant }): JSX.Element {
  const [kind, text] = looks[verdict];
  return (
    <li data-invariant={name} data-verdict={verdict}>
      <span class={`badge ${kind}`}>{text}</span>
      <span>
        <strong>{name}</strong>
        <span class="muted"> {words}</span>
      </span>
    </li>
  );
}

/** The orders that failed at first, and those that a retry confirmed. */
function Outcome(): JSX.Element | null {
  const { requests, confirmed, refused, recovered, open, rejected, failures } = counts.value;
  if (requests === 0) {
    return (
      <p class="small muted">
        Traffic places orders for a product of its own, each with a request id, and retries failed requests.
      </p>
    );
  }
  return (
    <dl
      class="numbers"
      data-requests={requests}
      data-confirmed={confirmed}
      data-refused={refused}
      data-recovered={recovered}
      data-open={open}
    >
      <Figure name="requests" value={requests} />
      <Figure name="confirmed" value={confirmed} />
      <Figure
        name="failed at first"
        value={refused}
        note={[...failures].map(([code, times]) => `${code} ${count(times)}`).join(", ")}
      />
      <Figure name="recovered by a retry" value={recovered} />
      <Figure name="in progress" value={open} />
      <Figure name="rejected" value={rejected} />
    </dl>
  );
}

function Figure({
  name,
  value,
  note = "",
}: {
  readonly name: string;
  readonly value: number;
  readonly note?: string;
}): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="tabular">
        {count(value)}
        {note === "" ? null : <span class="small muted"> {note}</span>}
      </dd>
    </div>
  );
}
