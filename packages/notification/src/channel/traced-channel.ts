import { type Environment, spanKinds } from "@parley/rpc";
import type { Channel, OutgoingMessage } from "./channel.ts";

/** The traces of events whose notifications have not been sent yet. */
export interface PendingTraces {
  /** The notification of this key was asked for by the span of this trace context. */
  note(key: string, traceparent: string | undefined): void;
}

/** More than wait in a quiet hour. What is older is sent in a trace of its own. */
const pendingMax = 10_000;

/**
 * A channel that records each message that it hands over as part of the trace that asked for it, for as long as this process lives. Without a
 * recorder the channel itself.
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
      // The text of a failure may name the recipient: its kind is enough here, and the log has the rest.
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

/** gRPC's UNKNOWN: what a mail server says has no code of its own there. */
const unknownCode = 2;

function failed(error: unknown): { readonly code: number; readonly reason: string; readonly message: string } {
  const name = error instanceof Error ? error.name : "Error";
  return { code: unknownCode, reason: name, message: name };
}
