import { durationFromMs, durationMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import type { FaultRule } from "@parley/gen/stack/v1/stack_service_pb.js";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useAction } from "../parts/busy.ts";
import { codeName, Failure } from "../parts/failure.tsx";
import { Field } from "../parts/field.tsx";
import { processes, readProcesses, stack } from "../session/stack.ts";
import { methodsOf } from "./methods.ts";

const chosen = signal("product");

const codes = [
  Code.Unavailable,
  Code.Internal,
  Code.DeadlineExceeded,
  Code.ResourceExhausted,
  Code.Aborted,
  Code.Unknown,
];

/** Injects errors or delays into the calls to a service, for a limited time. */
export function FaultPanel(): JSX.Element {
  const adding = useAction(async (form: HTMLFormElement) => {
    const data = new FormData(form);
    const latencyMs = Number(data.get("latency"));
    const code = Number(data.get("code"));
    await stack.addFault({
      rule: {
        process: chosen.value,
        method: String(data.get("method")),
        percent: Number(data.get("percent")),
        ...(latencyMs > 0 ? { latency: durationFromMs(latencyMs) } : {}),
        ...(code > 0 ? { code } : {}),
      },
      duration: durationFromMs(Number(data.get("seconds")) * 1_000),
    });
    await readProcesses();
  });
  const rules = processes.value?.flatMap(({ faults }) => faults) ?? [];
  return (
    <section class="panel" aria-label="Faults">
      <header>
        <h2>Faults</h2>
        {rules.length === 0 ? null : (
          <button type="button" class="button small" onClick={() => void stack.removeFaults({}).then(readProcesses)}>
            Remove all
          </button>
        )}
      </header>
      <form
        class="body stack"
        onSubmit={(event) => {
          event.preventDefault();
          void adding.run(event.currentTarget);
        }}
      >
        <div class="fields">
          <Field label="Service">
            {(id) => (
              <select id={id} value={chosen.value} onChange={(event) => (chosen.value = event.currentTarget.value)}>
                {processes.value?.map(({ name }) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Method">
            {(id) => (
              <select id={id} name="method">
                <option value="">All</option>
                {methodsOf(chosen.value).map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Fails with">
            {(id) => (
              <select id={id} name="code">
                {codes.map((code) => (
                  <option key={code} value={code}>
                    {codeName(code)}
                  </option>
                ))}
                <option value={0}>No error</option>
              </select>
            )}
          </Field>
          <Field label="Delay, ms">
            {(id) => <input id={id} name="latency" type="number" min={0} max={60_000} defaultValue="0" required />}
          </Field>
          <Field label="Percentage of calls">
            {(id) => <input id={id} name="percent" type="number" min={1} max={100} defaultValue="50" required />}
          </Field>
          <Field label="Duration, s">
            {(id) => <input id={id} name="seconds" type="number" min={1} max={900} defaultValue="60" required />}
          </Field>
        </div>
        {adding.error.value === undefined ? null : <Failure error={adding.error.value} />}
        <div class="row end">
          <button type="submit" class="button" disabled={adding.busy.value}>
            Add fault
          </button>
        </div>
      </form>
      {rules.length === 0 ? null : (
        <ul class="rules">
          {rules.map((rule) => (
            <li key={rule.id}>
              <span>{ruleWords(rule)}</span>
              <button
                type="button"
                class="button small"
                onClick={() => void stack.removeFaults({ id: rule.id }).then(readProcesses)}
              >
                Remove<span class="unseen"> this fault</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function ruleWords({ process, method, percent, latency, code, expireTime }: FaultRule): string {
  const waits = latency === undefined ? [] : [`wait ${durationMs(latency)} ms`];
  const fails = code === 0 ? [] : [`fail with ${codeName(code as number as Code)}`];
  const left = expireTime === undefined ? 0 : Math.max(0, Math.round((timestampMs(expireTime) - Date.now()) / 1_000));
  return `${process}: ${percent} % of ${method || "all calls"} ${[...waits, ...fails].join(", then ")}, for ${left} s`;
}
