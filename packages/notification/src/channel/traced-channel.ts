import { type Environment, spanKinds } from "@parley/rpc";
import type { Channel, OutgoingMessage } from "./channel.ts";

/** The traces of events whose notifications have not been sent yet. */
export interface PendingTraces {
  /** Records the trace context of the span that caused the notification with this key. */
  note(key: string, traceparent: string | undefined): void;
}

/** The most trace contexts in memory. Notifications whose context was evicted start a trace of their own. */
const pendingMax = 10_000;

/**
 * A channel that records a span for each message, in the trace of the event that caused it. Trace contexts are kept in memory and are lost with
 * the process. Without a recorder, returns the channel itself.
 */
export function traceChannel(
  channel: Channel,
  { recorder, clock }: Pick<Environment, "recorder" | "clock">,
): { readonly channel: Channel; readonly traces: PendingTraces } {
  if (recorder === undefined) {
    return { channel, traces: { note() {} } };
  }
  const pending = new Map<string, string>();
  const { sendAtOnce } = channel;
  const other = sendAtOnce === undefined ? "smtp" : "log";

  function end(key: string, startMs: number, error?: unknown): void {
    const parent = pending.get(key);
    if (error === undefined) {
      pending.delete(key);
    }
    recorder?.record({
      kind: spanKinds.mail,
      name: "send",
      other,
      traceparent: recorder.childOf(parent),
      parent,
      startMs,
      latencyMs: clock.monotonic() - startMs,
      // The error message may contain the recipient, so the span has only the name of the error. The log has the message.
      ...(error === undefined ? {} : failed(error)),
      attributes: { "messaging.system": other, "messaging.operation.type": "send", "messaging.message.id": key },
    });
  }

  return {
    traces: {
      note(key, traceparent) {
        if (traceparent !== undefined) {
          for (const oldest of pending.size >= pendingMax ? pending.keys() : []) {
            pending.delete(oldest);
            break;
          }
          pending.set(key, traceparent);
        }
      },
    },
    channel: {
      concurrencyMax: channel.concurrencyMax,
      async send(message, signal) {
        const startMs = clock.monotonic();
        try {
          await channel.send(message, signal);
          end(message.key, startMs);
        } catch (error) {
          end(message.key, startMs, error);
          throw error;
        }
      },
      ...(sendAtOnce === undefined
        ? {}
        : {
            sendAtOnce(message: OutgoingMessage) {
              const startMs = clock.monotonic();
              sendAtOnce.call(channel, message);
              end(message.key, startMs);
            },
          }),
      close: () => channel.close(),
    },
  };
}

/** gRPC's UNKNOWN: gRPC has no code for a mail server's reply. */
const unknownCode = 2;

function failed(error: unknown): { readonly code: number; readonly reason: string; readonly message: string } {
  const name = error instanceof Error ? error.name : "Error";
  return { code: unknownCode, reason: name, message: name };
}
