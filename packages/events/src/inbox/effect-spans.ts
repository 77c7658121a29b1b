import type { Event } from "@parley/gen/event/v1/event_pb.js";
import { type Clock, currentCall, type SpanRecorder, spanKinds, wantCurrentCall } from "@parley/rpc";
import { causeOf } from "./failure-cause.ts";

/** An event and the trace context of its effect. */
export interface Effect {
  readonly event: Event;
  readonly traceparent: string | undefined;
}

export interface EffectSpans {
  /** The trace context that an event's effect gets: below that of its publication. */
  traceparentOf(event: Event): string;
  /** Records effects that were committed together, or failed together. Each is linked with the call that delivered it. */
  record(effects: readonly Effect[], outcome: { readonly startMs: number; readonly error?: unknown }): void;
}

/** Makes the spans of events that take effect. */
export function createEffectSpans(recorder: SpanRecorder, clock: Pick<Clock, "monotonic">): EffectSpans {
  wantCurrentCall();
  return {
    traceparentOf: ({ traceparent }) => recorder.childOf(traceparent === "" ? undefined : traceparent),
    record(effects, { startMs, error }) {
      const delivery = currentCall()?.traceparent;
      const latencyMs = clock.monotonic() - startMs;
      for (const { event, traceparent } of effects) {
        const { id, type, source, subject, requestId } = event;
        recorder.record({
          kind: spanKinds.eventConsume,
          name: type,
          // `/services/order` is the order service.
          other: source.slice(source.lastIndexOf("/") + 1),
          traceparent,
          parent: event.traceparent === "" ? undefined : event.traceparent,
          requestId,
          startMs,
          latencyMs,
          batchSize: effects.length > 1 ? effects.length : 0,
          links: delivery === undefined ? [] : [delivery],
          ...(error === undefined ? {} : { code: 2, message: causeOf(error).slice(0, messageCharsMax) }),
          attributes: {
            "messaging.system": "parley",
            "messaging.operation.type": "process",
            "messaging.destination.name": source,
            "messaging.message.id": id,
            "parley.event.subject": subject,
          },
        });
      }
    },
  };
}

const messageCharsMax = 500;
