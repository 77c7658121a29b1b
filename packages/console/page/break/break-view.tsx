import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { wantCalls } from "../live/live-stream.ts";
import { Empty } from "../parts/empty.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { session } from "../session/session.ts";
import { watchProcesses } from "../session/stack.ts";
import { FaultPanel } from "./fault-panel.tsx";
import { InvariantPanel } from "./invariant-panel.tsx";
import { LogPanel } from "./log-panel.tsx";
import { ProcessTable } from "./process-table.tsx";

/** Stops and pauses services, injects faults, and shows whether the invariants hold. */
export function BreakView(): JSX.Element {
  useEffect(wantCalls, []);
  useEffect(watchProcesses, []);
  return (
    <div class="page">
      <PageHead
        title="Break it"
        text="Stop or pause a service, or inject faults, while orders are placed. Each refused order has a reason; no confirmed order is lost."
      />
      <InvariantPanel />
      {session.value?.stack === undefined ? (
        <NoControl />
      ) : (
        <>
          <ProcessTable />
          <div class="columns two">
            <FaultPanel />
            <LogPanel />
          </div>
        </>
      )}
    </div>
  );
}

function NoControl(): JSX.Element {
  return (
    <section class="panel">
      <Empty icon="break" title="This page cannot start and stop services">
        <span>
          It can if <code>npm start</code> runs on this machine with AUTH=off, and only this machine can reach it.
          Otherwise run <code>npx parley stop product</code> on the machine of the services.
        </span>
      </Empty>
    </section>
  );
}
