export type { ConnectionListener, ConnectionOptions } from "./connection-options.ts";
export { errorCode, preface } from "./frames/constants.ts";
export { fieldsToObject, objectToFields, requestHeaders } from "./header-fields.ts";
export { encodeFields } from "./hpack/header-encoder.ts";
export { Http2Connection } from "./http2-connection.ts";
export { NodeStream } from "./node-stream.ts";
export type { PeerLimit, Rate } from "./peer-work.ts";
export { Http2Stream } from "./stream.ts";
export type { StreamListener } from "./stream-listener.ts";
