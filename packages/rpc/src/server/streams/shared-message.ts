import { create, type DescMessage, type Message, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { encodeEnvelope } from "../../protocol/envelope.ts";
import type { MessageCodec } from "../wire/message-codec.ts";

/** The envelopes of shared messages, one for each codec that one was sent with. */
const envelopes = new WeakMap<Message, Map<MessageCodec, Buffer>>();

/**
 * A message that goes to many streams: it is encoded once for each format, however many it is sent to. It must not change any more. Of a stream's
 * answers alone; where answers are compressed each stream encodes for itself.
 */
export function sharedMessage<D extends DescMessage>(desc: D, init: MessageInitShape<D>): MessageShape<D> {
  const message = create(desc, init);
  envelopes.set(message, new Map());
  return message;
}

/** A shared message's envelope, encoded when it is first asked for; undefined for messages that are not shared. */
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
 * Messages that many streams send of the same thing: for each thing, an object that all of them have, one message, which is made when it is first
 * asked for and encoded once for each format.
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
