import { errorCode, flag, frameBytesMax, frameType } from "../../frames/constants.ts";
import type { Frame } from "../frames-fixture.ts";
import { answerBytesMax, type Observation, streamsMax } from "./observation.ts";
import type { Sequence } from "./sequence.ts";

/** A violation in a connection's behaviour, as text; undefined if there is none. */
export function broken(sequence: Sequence, seen: Observation): string | undefined {
  if (seen.thrown !== undefined) {
    return `it threw an exception: ${seen.thrown instanceof Error ? seen.thrown.stack : String(seen.thrown)}`;
  }
  return sentWrongly(sequence, seen) ?? endedWrongly(seen) ?? tooMuch(sequence, seen) ?? refusedValid(sequence, seen);
}

/** The parts that do not depend on how the bytes were split. WINDOW_UPDATE and the number of pieces may. */
export function summaryOf({ destroyed, sent, received }: Observation): string {
  const frames = sent
    .filter(({ type }) => type !== frameType.windowUpdate)
    .map(
      ({ type, flags, id, payload }) =>
        `${type}/${flags}/${id}/${type === frameType.data ? payload.length : payload.toString("hex")}`,
    );
  return JSON.stringify({ destroyed, received, frames });
}

const codes: ReadonlySet<number> = new Set(Object.values(errorCode));
const types: ReadonlySet<number> = new Set(Object.values(frameType));

/** Frames that no peer could accept as HTTP/2 (RFC 9113, sections 4 to 6). */
function sentWrongly({ role }: Sequence, { sent, destroyed }: Observation): string | undefined {
  if (sent[0]?.type !== frameType.settings || sent[0].flags !== 0) {
    return "it does not begin with SETTINGS";
  }
  const ended = new Set<number>();
  for (const [index, each] of sent.entries()) {
    const { type, flags, id, payload } = each;
    if (!types.has(type) || payload.length > frameBytesMax) {
      return `it sent a frame of type ${type} with ${payload.length} bytes`;
    }
    const problem =
      type === frameType.goaway ? wrongGoaway(each, index === sent.length - 1) : wrongOnStream(each, ended);
    if (problem !== undefined) {
      return problem;
    }
    if (id !== 0 && (type === frameType.reset || (isMessage(each) && (flags & flag.endStream) !== 0))) {
      ended.add(id);
    }
  }
  const goaways = sent.filter(({ type }) => type === frameType.goaway).length;
  return destroyed && goaways === 0 && role === "server" ? "it ended without GOAWAY" : undefined;
}

function wrongGoaway({ payload }: Frame, last: boolean): string | undefined {
  const code = payload.readUInt32BE(4);
  if (!codes.has(code)) {
    return `GOAWAY has the unknown code ${code}`;
  }
  return code !== errorCode.none && !last ? "it sent frames after GOAWAY with an error" : undefined;
}

function isMessage({ type }: Frame): boolean {
  return type === frameType.headers || type === frameType.data || type === frameType.continuation;
}

function wrongOnStream(each: Frame, ended: ReadonlySet<number>): string | undefined {
  const { type, id, payload } = each;
  if (type === frameType.reset && (id === 0 || !codes.has(payload.readUInt32BE(0)))) {
    return `RST_STREAM on stream ${id} has the code ${payload.readUInt32BE(0)}`;
  }
  if (type === frameType.windowUpdate && payload.readUInt32BE(0) === 0) {
    return "WINDOW_UPDATE with an increment of 0";
  }
  return isMessage(each) && (id % 2 === 0 || ended.has(id))
    ? `it sent ${type} on stream ${id}, which had ended`
    : undefined;
}

function endedWrongly({ closedTimes, lateEvents, openAfter, connectionCloseCount }: Observation): string | undefined {
  if (openAfter !== 0) {
    return `${openAfter} streams are open after the end`;
  }
  if (connectionCloseCount !== 1) {
    return `the connection reported its end ${connectionCloseCount} times`;
  }
  if (lateEvents > 0) {
    return "a stream reported an event after its end";
  }
  const wrong = closedTimes.find((times) => times !== 1);
  return wrong === undefined ? undefined : `a stream reported its end ${wrong} times`;
}

/** Sent data is bounded by received data and by the responses. */
function tooMuch({ frames }: Sequence, { openMost, sentBytes, closedTimes }: Observation): string | undefined {
  if (openMost > streamsMax) {
    return `${openMost} streams were open at once`;
  }
  const receivedBytes = frames.reduce((sum, { length }) => sum + length, 0);
  const boundBytes = 1_000 + receivedBytes * 4 + closedTimes.length * answerBytesMax;
  return sentBytes > boundBytes ? `${sentBytes} bytes were sent for ${receivedBytes}` : undefined;
}

function refusedValid({ valid }: Sequence, { destroyed, sent }: Observation): string | undefined {
  if (!valid) {
    return undefined;
  }
  const refused = sent.find(
    ({ type, payload }) => type === frameType.reset && payload.readUInt32BE(0) !== errorCode.refusedStream,
  );
  return destroyed || refused !== undefined ? "it refused a valid sequence" : undefined;
}
