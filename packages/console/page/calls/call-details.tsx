import type { Call, SpanKind } from "@parley/gen/rpc/v1/telemetry_pb.js";
import type { ComponentChildren, JSX } from "preact";
import { isFailed, latencyMs, startMs } from "../live/call.ts";
import { type CallRow, marksOf } from "../live/calls.ts";
import { durationText, preciseTime } from "../parts/format.ts";
import { Icon } from "../parts/icons.tsx";
import { linkTo } from "../route.ts";
import { codeText } from "./call-filter.ts";
import { kindWords } from "./call-line.tsx";
import { CallPayload } from "./call-payload.tsx";

/** The details of a call: both sides, headers and payload. */
export function CallDetails({ row, onClose }: { readonly row: CallRow; readonly onClose: () => void }): JSX.Element {
  const { span, client, server } = row;
  return (
    <aside class="panel call-details" aria-label="Details of the call">
      <header>
        <h2>{span.method || kindName(span.kind)}</h2>
        <button type="button" class="button quiet icon" aria-label="Close details" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div class="body stack">
        <div class="row">
          <span class={`badge ${isFailed(span) ? "bad" : "good"}`}>{codeText(span)}</span>
          {marksOf(row).map((mark) => (
            <span key={mark} class="badge warn">
              {mark}
            </span>
          ))}
        </div>
        {span.message === "" ? null : <p class="wrong">{span.message}</p>}
        <Facts span={span} />
        <Ends client={client} server={server} />
        {span.traceId === "" ? null : (
          <div class="row">
            <a class="button" href={linkTo(`trace/${span.traceId}`)}>
              Show as a sequence
            </a>
            <a class="button" href={linkTo("calls", { q: span.traceId })}>
              Only this trace
            </a>
          </div>
        )}
        <CallPayload key={row.id} call={server ?? span} />
      </div>
    </aside>
  );
}

function Facts({ span }: { readonly span: Call }): JSX.Element {
  return (
    <dl class="facts">
      <Fact name="From → to">
        {span.from} → {span.to}
        {span.peer === "" ? "" : ` (${span.peer})`}
      </Fact>
      {span.service === "" ? null : <Fact name="Service">{span.service}</Fact>}
      <Fact name="Kind">
        {kindName(span.kind)}
        {span.protocol === "" ? "" : `, ${span.protocol}`}
      </Fact>
      <Fact name="Began">{preciseTime(startMs(span))}</Fact>
      {span.reason === "" ? null : <Fact name="Reason">{span.reason}</Fact>}
      {span.attempts > 1 ? <Fact name="Attempts">{span.attempts}</Fact> : null}
      {span.batchSize > 0 ? <Fact name="Batch of">{span.batchSize}</Fact> : null}
      {span.deadlineLeft === undefined ? null : (
        <Fact name="Deadline left">{durationText(latencyMs({ latency: span.deadlineLeft }))}</Fact>
      )}
      {span.caller === "" ? null : <Fact name="Caller">{span.caller}</Fact>}
      {span.requestMessages + span.responseMessages > 2n ? (
        <Fact name="Messages">
          {String(span.requestMessages)} sent, {String(span.responseMessages)} received
        </Fact>
      ) : null}
      <Fact name="Request id">
        <span class="mono">{span.requestId || "–"}</span>
      </Fact>
      <Fact name="Trace id">
        <span class="mono">{span.traceId || "–"}</span>
      </Fact>
      {Object.entries(span.attributes).map(([name, value]) => (
        <Fact key={name} name={name}>
          {value}
        </Fact>
      ))}
    </dl>
  );
}

/** The durations on both sides. The difference is network and queueing. */
function Ends({
  client,
  server,
}: {
  readonly client: Call | undefined;
  readonly server: Call | undefined;
}): JSX.Element {
  return (
    <dl class="facts">
      {client === undefined ? null : (
        <Fact name={`Client, ${client.process || client.from}`}>{durationText(latencyMs(client))}</Fact>
      )}
      {server === undefined ? null : (
        <Fact name={`Server, ${server.process || server.to}`}>{durationText(latencyMs(server))}</Fact>
      )}
    </dl>
  );
}

export function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function kindName(kind: SpanKind): string {
  return kindWords[kind] ?? "call";
}
