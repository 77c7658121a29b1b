import type { TraceSummary } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Empty } from "../parts/empty.tsx";
import { Failure } from "../parts/failure.tsx";
import { shortId } from "../parts/format.ts";
import { PageHead } from "../parts/page-head.tsx";
import { linkTo } from "../route.ts";
import { telemetry } from "../session/telemetry.ts";
import { TraceTable } from "./trace-list.tsx";

const found = signal<readonly TraceSummary[] | undefined>(undefined);
const error = signal<unknown>(undefined);

/** The traces that changed an order: its creation, and its cancellation. A single trace is opened directly. */
export function OrderTraces({ orderId }: { readonly orderId: string }): JSX.Element {
  useEffect(() => {
    found.value = undefined;
    error.value = undefined;
    let closed = false;
    telemetry.listTraces({ filter: { subject: orderId }, pageSize: 20 }).then(
      ({ traces }) => {
        const [only] = traces;
        if (closed) {
          return;
        }
        if (only !== undefined && traces.length === 1) {
          // Without a history entry, so that Back leads to the page of the link.
          location.replace(linkTo(`trace/${only.traceId}`));
        } else {
          found.value = traces;
        }
      },
      (failure: unknown) => {
        error.value = failure;
      },
    );
    return () => {
      closed = true;
    };
  }, [orderId]);
  return (
    <div class="page">
      <PageHead title="Sequences" text={`The requests that created or changed order ${shortId(orderId)}.`} />
      {error.value === undefined ? null : <Failure error={error.value} />}
      <section class="panel" aria-label="Traces">
        {found.value === undefined ? (
          error.value === undefined ? (
            <p class="empty">Reading…</p>
          ) : null
        ) : found.value.length === 0 ? (
          <Empty icon="calls" title="No call of this order is stored">
            <span>
              Traces are stored for a limited time, failed and slow ones longer.{" "}
              <a href={linkTo("trace")}>See the stored traces</a>
            </span>
          </Empty>
        ) : (
          <TraceTable traces={found.value} />
        )}
      </section>
    </div>
  );
}
