export type { ConnectionListener, ConnectionOptions } from "./connection-options.ts";
export { errorCode } from "./constants.ts";
export { encodeFields } from "./header-encoder.ts";
export { fieldsToObject, objectToFields, requestHeaders } from "./header-fields.ts";
export { Http2Connection } from "./http2-connection.ts";
export { NodeStream } from "./node-stream.ts";
export { Http2Stream, type StreamListener } from "./stream.ts";
