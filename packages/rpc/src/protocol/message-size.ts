import { Code, ConnectError } from "@connectrpc/connect";

/** The error for an oversized received message, with stock Connect's text. `bytes` if its size is known. */
export function messageTooLarge(bytesMax: number, bytes?: number): ConnectError {
  return tooLarge(`readMaxBytes ${bytesMax}`, bytes);
}

/** The error for a message that is too large to send. */
export function sentMessageTooLarge(bytesMax: number, bytes: number): ConnectError {
  return tooLarge(`writeMaxBytes ${bytesMax}`, bytes);
}

function tooLarge(limit: string, bytes: number | undefined): ConnectError {
  const size = bytes === undefined ? "" : ` ${bytes}`;
  return new ConnectError(`message size${size} is larger than configured ${limit}`, Code.ResourceExhausted);
}
