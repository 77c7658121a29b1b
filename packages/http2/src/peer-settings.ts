import {
  ConnectionError,
  errorCode,
  frameBytesMax,
  setting,
  settingBytes,
  windowBytesMax,
} from "./frames/constants.ts";

/** The settings of a SETTINGS frame. Of several values for one setting the last one counts (RFC 9113, section 6.5.3). */
export interface PeerSettings {
  /** The number of settings in the frame, including repeated ones. */
  readonly count: number;
  /** The smallest of the frame's values: a reduced table has been emptied. */
  readonly headerTableSize: number | undefined;
  readonly maxConcurrentStreams: number | undefined;
  readonly initialWindowSize: number | undefined;
  readonly maxHeaderListSize: number | undefined;
}

/** Parses and checks the payload of SETTINGS (section 6.5.2). Unknown settings are ignored. Throws {@link ConnectionError}. */
export function readPeerSettings(payload: Buffer, { client }: { readonly client: boolean }): PeerSettings {
  let headerTableSize: number | undefined;
  let maxConcurrentStreams: number | undefined;
  let initialWindowSize: number | undefined;
  let maxHeaderListSize: number | undefined;
  for (let at = 0; at < payload.length; at += settingBytes) {
    const id = payload.readUInt16BE(at);
    const value = payload.readUInt32BE(at + 2);
    if (id === setting.headerTableSize) {
      headerTableSize = Math.min(headerTableSize ?? value, value);
    } else if (id === setting.maxConcurrentStreams) {
      maxConcurrentStreams = value;
    } else if (id === setting.maxHeaderListSize) {
      maxHeaderListSize = value;
    } else if (id === setting.initialWindowSize) {
      if (value > windowBytesMax) {
        throw new ConnectionError("SETTINGS_INITIAL_WINDOW_SIZE is too large", errorCode.flowControl);
      }
      initialWindowSize = value;
    } else if (id === setting.enablePush && value > (client ? 0 : 1)) {
      throw new ConnectionError(`SETTINGS_ENABLE_PUSH must not be ${value}`);
    } else if (id === setting.maxFrameSize && (value < frameBytesMax || value >= 2 ** 24)) {
      throw new ConnectionError(`SETTINGS_MAX_FRAME_SIZE must not be ${value}`);
    }
  }
  const count = payload.length / settingBytes;
  return { count, headerTableSize, maxConcurrentStreams, initialWindowSize, maxHeaderListSize };
}
