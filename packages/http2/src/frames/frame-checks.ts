import { ConnectionError, errorCode, windowBytesMax } from "./constants.ts";

/** Throws unless the payload has this length (RFC 9113, section 4.2). */
export function checkSize(payload: Buffer, bytes: number, sized = payload.length === bytes): void {
  if (!sized) {
    throw new ConnectionError("a frame has the wrong size", errorCode.frameSize);
  }
}

/** Throws unless the frame is on stream 0. */
export function checkWhole(id: number): void {
  if (id !== 0) {
    throw new ConnectionError("the frame is about the whole connection");
  }
}

export const priorityBytes = 5;

/** A PRIORITY frame, or the priority of HEADERS. It is checked, and otherwise ignored (section 5.3.2). */
export function checkPriority(id: number, payload: Buffer, sized = payload.length === priorityBytes): void {
  if (!sized) {
    throw new ConnectionError("a frame has the wrong size", errorCode.frameSize);
  }
  if ((payload.readUInt32BE(0) & windowBytesMax) === id) {
    throw new ConnectionError("a stream cannot depend on itself");
  }
}

/** Throws if a window grows by zero, or beyond the largest (section 6.9). */
export function checkWindow(bytes: number, window: number): void {
  if (bytes === 0 || window > windowBytesMax) {
    throw new ConnectionError("a window cannot be so large", bytes === 0 ? errorCode.protocol : errorCode.flowControl);
  }
}
