import { errorCode } from "../frames/constants.ts";
import { answerLength, answerStatus, areTrailers } from "../header-fields.ts";
import type { HeaderBlock } from "../hpack/header-decoder.ts";
import type { PeerWork } from "../peer-work.ts";
import type { Http2Stream } from "./stream.ts";

interface Arrival {
  /** Whether the block ends the stream. */
  readonly ends: boolean;
  readonly server: boolean;
  readonly work: PeerWork;
}

/** HEADERS on an open stream: a response, or trailers (RFC 9113, section 8.1). */
export function onLaterHeaders(stream: Http2Stream, block: HeaderBlock, { ends, server, work }: Arrival): void {
  const { fields } = block;
  if (stream.remoteEnded) {
    stream.refuse(errorCode.streamClosed);
  } else if (block.tooLarge) {
    stream.refuse(errorCode.enhanceYourCalm);
  } else if (block.malformed) {
    stream.refuse(errorCode.protocol);
  } else if (server || stream.answered) {
    if (!ends || !areTrailers(fields)) {
      stream.refuse(errorCode.protocol);
      return;
    }
    stream.listener?.onTrailers(fields);
    stream.endRemote();
  } else {
    onAnswer(stream, fields, { ends, work });
  }
}

function onAnswer(stream: Http2Stream, fields: readonly string[], { ends, work }: Omit<Arrival, "server">): void {
  const status = answerStatus(fields);
  if (status !== undefined && status < 200 && !ends) {
    // An interim response: the final one follows (RFC 9110, section 15.2).
    work.overhead();
    return;
  }
  // Responses to HEAD, and these two, have the length of a body that is not sent (RFC 9110, section 8.6).
  const length = ends || status === 204 || status === 304 ? -1 : answerLength(fields);
  if (status === undefined || status < 200 || length === undefined) {
    stream.refuse(errorCode.protocol);
    return;
  }
  stream.expectedBytes = length;
  stream.answered = true;
  stream.listener?.onHeaders(fields);
  if (ends) {
    stream.endRemote();
  }
}
