import type { Message } from "@bufbuild/protobuf";
import type { RestResponse } from "../http.ts";
import { cancelable } from "./stream.ts";

export interface RawStreamOptions {
  /** The content type and the bytes of a message. */
  readonly contentOf: (message: Message) => { readonly contentType: string; readonly data: Uint8Array };
  /** Cancels the call: the client disconnected. */
  readonly cancel: () => void;
}

/**
 * The HTTP response of a stream of `google.api.HttpBody`: the bytes of all messages, concatenated, with the content type of the first. An error
 * before the first message is thrown. A later one aborts the body, because raw bytes cannot carry an error.
 */
export async function rawStreamResponse(
  messages: AsyncIterable<Message>,
  { contentOf, cancel }: RawStreamOptions,
): Promise<RestResponse> {
  const iterator = messages[Symbol.asyncIterator]();
  const first = await iterator.next();
  const opening = first.done === true ? undefined : contentOf(first.value);
  async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      if (opening !== undefined) {
        yield opening.data;
      }
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
        yield contentOf(next.value).data;
      }
    } finally {
      cancel();
      // Not awaited: the abort signal ends the call.
      iterator.return?.().catch(() => {});
    }
  }
  return {
    status: 200,
    headers: {
      "content-type": opening?.contentType ?? "application/octet-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    },
    body: cancelable(bytes(), cancel),
  };
}
