import type { ServerName } from "./error-stack.ts";

/** A wrong HTTP request, and its error. */
export interface HttpMistake {
  readonly to: ServerName;
  /** For example `POST /orders`. */
  readonly request: string;
  /** Sent as JSON. A string or bytes are sent unchanged. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly reason: string;
  /** The fields of `google.rpc.BadRequest`. */
  readonly fields?: readonly string[];
  /** `{order}` stands for the URL of the order service; other services likewise. */
  readonly message: string;
}
