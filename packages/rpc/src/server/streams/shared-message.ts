import { create, type DescMessage, type Message, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { encodeEnvelope } from "../../protocol/envelope.ts";
import type { MessageCodec } from "../wire/message-codec.ts";

/** The encoded envelopes of shared messages, by codec. */
const envelopes = new WeakMap<Message, Map<MessageCodec, Buffer>>();

/**
 * Creates a message that is sent on many streams and encoded only once for each format. It must not change afterwards. Only for responses of
 * streams. If responses are compressed, each stream encodes it again.
 */
export function sharedMessage<D extends DescMessage>(desc: D, init: MessageInitShape<D>): MessageShape<D> {
  const message = create(desc, init);
  envelopes.set(message, new Map());
  return message;
}

/** A shared message's envelope, encoded on first use. Undefined for messages that are not shared. */
export function sharedEnvelope(message: Message, codec: MessageCodec): Buffer | undefined {
  const made = envelopes.get(message);
  if (made === undefined) {
    return undefined;
  }
  let envelope = made.get(codec);
  if (envelope === undefined) {
    envelope = encodeEnvelope(0, codec.encode(message));
    made.set(codec, envelope);
  }
  return envelope;
}

/**
 * Caches shared messages by their source, an object that all streams have in common. A source's message is created on first use, and encoded once
 * for each format.
 */
export function sharedMessages<D extends DescMessage>(
  desc: D,
): (source: object, init: () => MessageInitShape<D>) => MessageShape<D> {
  const made = new WeakMap<object, MessageShape<D>>();
  return (source, init) => {
    let message = made.get(source);
    if (message === undefined) {
      message = sharedMessage(desc, init());
      made.set(source, message);
    }
    return message;
  };
}
