export type { ConnectionListener, ConnectionOptions } from "./connection-options.ts";
export { errorCode, preface } from "./frames/constants.ts";
export { fieldsToObject, objectToFields, requestHeaders } from "./header-fields.ts";
export type { HeaderBlock } from "./hpack/header-decoder.ts";
export { encodeFields } from "./hpack/header-encoder.ts";
export { Http2Connection } from "./http2-connection.ts";
export { NodeStream } from "./node-stream.ts";
export { ReadTurns } from "./read-pace.ts";
export { Http2Stream, type StreamListener } from "./stream.ts";
