import { LiveTopic } from "@parley/gen/gateway/v1/live_service_pb.js";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { type CallRow, callsVersion, clearCalls, lostCalls, rows, silentProcesses } from "../live/calls.ts";
import { topicStatus, wantCalls } from "../live/live-stream.ts";
import { Empty } from "../parts/empty.tsx";
import { count } from "../parts/format.ts";
import { Icon } from "../parts/icons.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Windowed } from "../parts/windowed.tsx";
import { route } from "../route.ts";
import { isAdmin, session } from "../session/session.ts";
import { CallDetails } from "./call-details.tsx";
import { countNewer, filtered, filterOf } from "./call-filter.ts";
import { CallFilterBar } from "./call-filter-bar.tsx";
import { CallLine, CallLineHead } from "./call-line.tsx";

/** The maximum number of rows in the list. */
const shownMax = 10_000;
const rowHeight = 30;

const paused = signal(false);
const scrolled = signal(false);
const selected = signal<CallRow | undefined>(undefined);
/** The rows shown while the list is paused. */
let frozen: { readonly key: string; readonly items: readonly CallRow[]; readonly lastId: number } | undefined;

/** The calls between services, as they end. */
export function CallsView(): JSX.Element {
  useEffect(wantCalls, []);
  const { params } = route.value;
  const filter = filterOf(params);
  const key = params.toString();
  const still = paused.value || scrolled.value;
  callsVersion.value;
  if (!still || frozen?.key !== key) {
    frozen = { key, items: filtered(rows, filter, shownMax), lastId: rows.at(-1)?.id ?? 0 };
  }
  const { items, lastId } = frozen;
  const newer = still ? countNewer(rows, filter, lastId) : 0;
  return (
    <div class="page calls-page">
      <PageHead title="Calls" text="Every completed call and event between services. Newest first.">
        <div class="row">
          <button
            type="button"
            class="button"
            aria-pressed={paused.value}
            onClick={() => (paused.value = !paused.value)}
          >
            <Icon name={paused.value ? "play" : "pause"} />
            {paused.value ? "Resume" : "Pause"}
          </button>
          <button
            type="button"
            class="button"
            onClick={() => {
              clearCalls();
              frozen = undefined;
              selected.value = undefined;
            }}
          >
            Clear
          </button>
        </div>
      </PageHead>
      <CallFilterBar />
      <Notes shown={items.length} newer={newer} />
      <div class={`calls ${selected.value === undefined ? "" : "with-details"}`}>
        <section class="panel calls-list" aria-label="Calls">
          {items.length === 0 ? (
            <NoCalls filtered={key !== ""} />
          ) : (
            <>
              <CallLineHead />
              <Windowed
                items={items}
                rowHeight={rowHeight}
                label="Calls"
                keyOf={({ id }) => id}
                selected={selected.value?.id}
                onSelect={(row) => (selected.value = row)}
                onScrolled={(away) => (scrolled.value = away)}
              >
                {(row) => <CallLine row={row} />}
              </Windowed>
            </>
          )}
        </section>
        {selected.value === undefined ? null : (
          <CallDetails row={selected.value} onClose={() => (selected.value = undefined)} />
        )}
      </div>
    </div>
  );
}

function Notes({ shown, newer }: { readonly shown: number; readonly newer: number }): JSX.Element {
  return (
    <div class="row small muted tabular calls-notes" role="status">
      <span>
        {count(shown)} of {count(rows.length)} calls
      </span>
      {newer > 0 ? <span class="badge accent">{count(newer)} newer</span> : null}
      {lostCalls.value > 0 ? <span class="badge warn">{count(lostCalls.value)} dropped</span> : null}
      {[...silentProcesses.value].map(([process, cause]) => (
        <span key={process} class="badge warn" title={cause}>
          no calls from {process}
        </span>
      ))}
    </div>
  );
}

function NoCalls({ filtered }: { readonly filtered: boolean }): JSX.Element {
  const status = topicStatus.value.get(LiveTopic.CALLS);
  if (session.value !== undefined && !isAdmin()) {
    return (
      <Empty icon="calls" title="Only admins can see calls">
        <span>Calls contain the requests of all users. Sign in as an admin to see them.</span>
      </Empty>
    );
  }
  if (status !== undefined && !status.watched) {
    return (
      <Empty icon="warning" title="Calls are not available">
        <span>
          {status.code}: {status.message}
        </span>
      </Empty>
    );
  }
  return filtered && rows.length > 0 ? (
    <Empty icon="calls" title="No call matches the filter" />
  ) : (
    <Empty icon="calls" title="No calls yet">
      <span>Place an order in the shop to see its calls here.</span>
    </Empty>
  );
}
