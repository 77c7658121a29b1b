import type { JsonValue } from "@bufbuild/protobuf";
import type { JSX } from "preact";
import { Failure } from "../parts/failure.tsx";
import { count, durationText, timeText } from "../parts/format.ts";
import { linkTo } from "../route.ts";
import { endCall, type MadeCall } from "./run-call.ts";

/** The calls of a method made on this page, newest first. The newest is expanded. The others can be viewed and reused. */
export function Answers({
  calls,
  onUseAgain,
}: {
  readonly calls: readonly MadeCall[];
  readonly onUseAgain: (request: JsonValue) => void;
}): JSX.Element | null {
  if (calls.length === 0) {
    return null;
  }
  return (
    <section class="panel" aria-label="Responses">
      <header>
        <h2>Responses</h2>
      </header>
      {calls.map((call, index) => (
        <details key={call.id} class="answer" open={index === 0}>
          <summary>
            <span class="tabular muted">{timeText(call.atMs)}</span>
            <Outcome call={call} />
            <span class="number muted">{call.tookMs === undefined ? "" : durationText(call.tookMs)}</span>
          </summary>
          <div class="stack body">
            {call.error === undefined ? null : <Failure error={call.error} />}
            {call.answers.length === 0 ? null : (
              // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be focusable.
              <pre class="code" tabIndex={0} role="region" aria-label="Response">
                {call.answers.map((answer) => JSON.stringify(answer, undefined, 2)).join("\n")}
              </pre>
            )}
            <div class="row">
              {call.open ? (
                <button type="button" class="button small" onClick={() => endCall(call.id)}>
                  End
                </button>
              ) : null}
              <a class="button small" href={linkTo(`trace/${call.traceId}`)}>
                Show as a sequence
              </a>
              <button type="button" class="button small" onClick={() => onUseAgain(call.request)}>
                Load this request
              </button>
            </div>
          </div>
        </details>
      ))}
    </section>
  );
}

function Outcome({ call: { open, error, answerCount, method } }: { readonly call: MadeCall }): JSX.Element {
  const streams = method.methodKind !== "unary";
  if (error !== undefined) {
    return <span class="badge bad">failed</span>;
  }
  return (
    <span class={`badge ${open ? "warn" : "good"}`}>
      {open ? "open" : "OK"}
      {streams ? `, ${count(answerCount)} responses` : ""}
    </span>
  );
}
