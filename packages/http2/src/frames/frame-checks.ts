import { ConnectionError, errorCode, windowBytesMax } from "./constants.ts";

/** Throws unless the payload has this length (RFC 9113, section 4.2). */
export function checkSize(payload: Buffer, bytes: number, sized = payload.length === bytes): void {
  if (!sized) {
    throw new ConnectionError("the frame has an invalid length for its type", errorCode.frameSize);
  }
}

/** Throws unless the frame is on stream 0. */
export function checkWhole(id: number): void {
  if (id !== 0) {
    throw new ConnectionError("this type of frame must be on stream 0");
  }
}

export const priorityBytes = 5;

/** A PRIORITY frame, or the priority of HEADERS. It is checked, and otherwise ignored (section 5.3.2). */
export function checkPriority(id: number, payload: Buffer, sized = payload.length === priorityBytes): void {
  if (!sized) {
    throw new ConnectionError("the frame has an invalid length for its type", errorCode.frameSize);
  }
  if ((payload.readUInt32BE(0) & windowBytesMax) === id) {
    throw new ConnectionError("a stream cannot depend on itself");
  }
}

/** Throws if a window grows by zero, or beyond the largest (section 6.9). */
export function checkWindow(bytes: number, window: number): void {
  if (bytes === 0) {
    throw new ConnectionError("WINDOW_UPDATE has an increment of 0");
  }
  if (window > windowBytesMax) {
    throw new ConnectionError("a flow-control window exceeds 2^31-1 octets", errorCode.flowControl);
  }
}
