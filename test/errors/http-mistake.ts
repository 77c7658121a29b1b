import type { ServerName } from "./error-stack.ts";

/** A request over HTTP that is wrong, and what its caller is told. */
export interface HttpMistake {
  readonly to: ServerName;
  /** For example `POST /orders`. */
  readonly request: string;
  /** Sent as JSON; a string or bytes are sent as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly reason: string;
  /** The fields of `google.rpc.BadRequest`. */
  readonly fields?: readonly string[];
  /** `{order}` stands for the URL of the order service, and so on. */
  readonly message: string;
}
