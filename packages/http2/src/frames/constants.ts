/** The types of frames (RFC 9113, section 6). */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames. Section 6 lists the flags of each type. */
export const flag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** Settings (RFC 9113, section 6.5.2). */
export const setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

/** Error codes of streams and connections (RFC 9113, section 7). */
export const errorCode = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const;

/** The client's connection preface (section 3.4). */
export const preface: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const frameHeaderBytes = 9;

/** The largest frame that either side may send unless the other allows more (section 6.5.2), which we do not. */
export const frameBytesMax = 16_384;

/** The default size of the dynamic table (section 6.5.2). */
export const tableBytesDefault = 4_096;

/** The initial flow-control windows (section 6.9.2). */
export const windowBytesDefault = 65_535;

/** The largest window (section 6.9.1), and the highest stream id. */
export const windowBytesMax: number = 2 ** 31 - 1;

/**
 * A smaller part of a piece waits until the connection's window allows this much: a peer that widens the window by the bytes it has just read would
 * otherwise get smaller and smaller frames ("silly window syndrome", RFC 9293, section 3.8.6.2). The window is never less than 65,535 in all.
 */
export const partBytesMin = 2_048;

/** The peer violated the protocol in a way that ends the connection. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  /** One of {@link errorCode}. */
  readonly code: number;

  constructor(message: string, code: number = errorCode.protocol) {
    super(message);
    this.code = code;
  }
}

/** The bytes of one setting in a SETTINGS frame (section 6.5.1). */
export const settingBytes = 6;
