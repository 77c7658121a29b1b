import type { Call } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { Failure } from "../parts/failure.tsx";
import { session } from "../session/session.ts";
import { telemetry } from "../session/telemetry.ts";

/** Headers and payload of a call. Requested on demand, because they are most of its bytes. */
export function CallPayload({ call }: { readonly call: Call }): JSX.Element | null {
  const found = useMemo(() => signal<Call | undefined>(undefined), []);
  const error = useMemo(() => signal<unknown>(undefined), []);
  useEffect(() => {
    if (call.traceId === "" || session.value?.payloads !== true) {
      return;
    }
    telemetry.getTrace({ traceId: call.traceId, payloads: true }).then(
      ({ calls }) => {
        found.value = calls.find(({ spanId, kind }) => spanId === call.spanId && kind === call.kind);
      },
      (failure: unknown) => {
        error.value = failure;
      },
    );
  }, []);
  if (session.value?.payloads === false) {
    return (
      <p class="small muted">Headers and payloads are not recorded. Set TELEMETRY_PAYLOADS=true to record them.</p>
    );
  }
  if (error.value !== undefined) {
    return <Failure error={error.value} />;
  }
  const { value } = found;
  if (value === undefined) {
    return null;
  }
  return (
    <>
      <Payload title="Request" json={value.requestJson} headers={value.requestHeaders} />
      <Payload title="Response" json={value.responseJson} headers={value.responseHeaders} />
      {value.payloadTruncated ? <p class="small muted">The payload was truncated.</p> : null}
    </>
  );
}

function Payload({
  title,
  json,
  headers,
}: {
  readonly title: string;
  readonly json: string;
  readonly headers: Readonly<Record<string, string>>;
}): JSX.Element | null {
  const names = Object.keys(headers).sort();
  if (json === "" && names.length === 0) {
    return null;
  }
  return (
    <section class="stack tight">
      <h3>{title}</h3>
      {names.length === 0 ? null : (
        <details>
          <summary class="small">{names.length} headers</summary>
          <pre class="code">{names.map((name) => `${name}: ${headers[name]}`).join("\n")}</pre>
        </details>
      )}
      {json === "" ? <p class="small muted">No payload was recorded.</p> : <pre class="code">{indented(json)}</pre>}
    </section>
  );
}

function indented(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), undefined, 2);
  } catch {
    // A truncated payload is not valid JSON.
    return json;
  }
}
