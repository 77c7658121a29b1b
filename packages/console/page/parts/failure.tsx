import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "@parley/client";
import type { ComponentChildren, JSX } from "preact";

/** An error: the server's message, code and reason. */
export function Failure({
  error,
  children,
}: {
  readonly error: unknown;
  readonly children?: ComponentChildren;
}): JSX.Element {
  const { code, text, reason } = failureOf(error);
  return (
    <div class="failure" role="alert">
      <div>
        <strong>{code}</strong>
        {reason === "" ? "" : ` · ${reason}`}
      </div>
      <div>{text}</div>
      {children}
    </div>
  );
}

export interface FailureWords {
  /** The gRPC name of the code, for example `NOT_FOUND`. */
  readonly code: string;
  readonly text: string;
  /** The reason from docs/errors.md. Empty if there is none. */
  readonly reason: string;
}

export function failureOf(error: unknown): FailureWords {
  const failure = ConnectError.from(error);
  const [info] = failure.findDetails(ErrorInfoSchema);
  const unreachable = failure.code === Code.Unknown && failure.cause instanceof TypeError;
  return unreachable
    ? { code: "UNAVAILABLE", text: "The gateway is unreachable. The page reconnects automatically.", reason: "" }
    : { code: codeName(failure.code), text: failure.rawMessage, reason: info?.reason ?? "" };
}

/** `NOT_FOUND` for `Code.NotFound`. */
export function codeName(code: Code): string {
  return (Code[code] ?? "Unknown").replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
