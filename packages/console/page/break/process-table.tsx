import { timestampMs } from "@bufbuild/protobuf/wkt";
import { ProcessState, type StackProcess } from "@parley/gen/stack/v1/stack_service_pb.js";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { Failure } from "../parts/failure.tsx";
import { count } from "../parts/format.ts";
import { processes, processesError, putProcess, readProcesses, stack } from "../session/stack.ts";
import { chosenLog } from "./log-panel.tsx";

/** Running operations, by process. */
const busy = signal<ReadonlyMap<string, string>>(new Map());
const error = signal<unknown>(undefined);

const verbs = {
  start: (process: string) => stack.startProcess({ process }),
  stop: (process: string) => stack.stopProcess({ process }),
  kill: (process: string) => stack.killProcess({ process }),
  pause: (process: string) => stack.pauseProcess({ process }),
  resume: (process: string) => stack.resumeProcess({ process }),
  restart: (process: string) => stack.restartProcess({ process }),
} as const;

type Verb = keyof typeof verbs;

async function act(verb: Verb, process: string): Promise<void> {
  busy.value = new Map(busy.value).set(process, verb);
  error.value = undefined;
  try {
    putProcess((await verbs[verb](process)).process);
  } catch (failure) {
    // Restarting the gateway closes the connection before its response.
    if (process !== "gateway") {
      error.value = failure;
    }
  } finally {
    const rest = new Map(busy.value);
    rest.delete(process);
    busy.value = rest;
    void readProcesses();
  }
}

export function ProcessTable(): JSX.Element {
  return (
    <section class="panel" aria-label="Processes">
      <header>
        <h2>Processes</h2>
        <button type="button" class="button small" onClick={() => void startAll()}>
          Start all ended processes
        </button>
      </header>
      {error.value === undefined ? null : <Failure error={error.value} />}
      {processesError.value === undefined || processes.value !== undefined ? null : (
        <Failure error={processesError.value} />
      )}
      <div class="table-scroll">
        <table>
          <thead>
            <tr>
              <th>Process</th>
              <th>State</th>
              <th>Database</th>
              <th class="number">Pid</th>
              <th class="number">Memory</th>
              <th class="number">Starts</th>
              <th>
                <span class="unseen">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {processes.value?.map((process) => (
              <ProcessRow key={process.name} process={process} />
            ))}
          </tbody>
        </table>
      </div>
      <p class="body small muted">
        The gateway serves this page, so the page could not start it again. To stop it, run{" "}
        <code>npx parley stop gateway</code> in a terminal.
      </p>
    </section>
  );
}

async function startAll(): Promise<void> {
  const ended = processes.value?.filter(({ state }) => state === ProcessState.ENDED) ?? [];
  await Promise.all(ended.map(({ name }) => act("start", name)));
}

function ProcessRow({ process }: { readonly process: StackProcess }): JSX.Element {
  const { name, state, pid, starts, residentBytes, database, faults, lastExit } = process;
  const going = busy.value.get(name);
  const runs = state === ProcessState.RUNNING || state === ProcessState.STARTING;
  const button = (verb: Verb, label: string, danger = false) => (
    <button
      type="button"
      class={`button small ${danger ? "danger" : ""}`}
      disabled={going !== undefined}
      onClick={() => void act(verb, name)}
    >
      {label}
      <span class="unseen"> {name}</span>
    </button>
  );
  return (
    <tr data-process={name} data-state={ProcessState[state]}>
      <td>
        <strong>{name}</strong>
        {faults.length === 0 ? null : (
          <span class="badge warn">{faults.length === 1 ? "1 fault" : `${faults.length} faults`}</span>
        )}
      </td>
      <td>
        <StateBadge state={state} going={going} title={lastExit} />
      </td>
      <td class="muted">{database || "–"}</td>
      <td class="number muted">{pid === 0 ? "–" : pid}</td>
      <td class="number muted">
        {residentBytes === 0n ? "–" : `${count(Math.round(Number(residentBytes) / 1_048_576))} MiB`}
      </td>
      <td
        class="number muted"
        title={process.startTime === undefined ? "" : new Date(timestampMs(process.startTime)).toLocaleString()}
      >
        {starts}
      </td>
      <td class="actions">
        {state === ProcessState.ENDED ? button("start", "Start") : null}
        {runs && name !== "gateway" ? (
          <>
            {button("stop", "Stop")}
            {button("kill", "Kill", true)}
            {button("pause", "Pause")}
          </>
        ) : null}
        {state === ProcessState.PAUSED ? (
          <>
            {button("resume", "Resume")}
            {button("kill", "Kill", true)}
          </>
        ) : null}
        {runs ? button("restart", "Restart") : null}
        <button type="button" class="button small" onClick={() => (chosenLog.value = name)}>
          Log<span class="unseen"> of {name}</span>
        </button>
      </td>
    </tr>
  );
}

const looks: Readonly<Record<ProcessState, readonly [string, string]>> = {
  [ProcessState.UNSPECIFIED]: ["", "Unknown"],
  [ProcessState.STARTING]: ["warn", "Starting"],
  [ProcessState.RUNNING]: ["good", "Running"],
  [ProcessState.PAUSED]: ["warn", "Paused"],
  [ProcessState.STOPPING]: ["warn", "Stopping"],
  [ProcessState.ENDED]: ["bad", "Ended"],
};

function StateBadge({
  state,
  going,
  title,
}: {
  readonly state: ProcessState;
  readonly going: string | undefined;
  readonly title: string;
}): JSX.Element {
  const [kind, text] = looks[state] ?? ["", String(state)];
  return (
    <span class={`badge ${going === undefined ? kind : "warn"}`} title={title}>
      {going === undefined ? text : `${going}…`}
    </span>
  );
}
