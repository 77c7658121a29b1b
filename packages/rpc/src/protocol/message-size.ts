import { Code, ConnectError } from "@connectrpc/connect";

/** Says that a received message is larger than allowed, in the words of stock Connect. `bytes` where its size is known. */
export function messageTooLarge(bytesMax: number, bytes?: number): ConnectError {
  return tooLarge(`readMaxBytes ${bytesMax}`, bytes);
}

/** Says that a message is too large to be sent. */
export function sentMessageTooLarge(bytesMax: number, bytes: number): ConnectError {
  return tooLarge(`writeMaxBytes ${bytesMax}`, bytes);
}

function tooLarge(limit: string, bytes: number | undefined): ConnectError {
  const size = bytes === undefined ? "" : ` ${bytes}`;
  return new ConnectError(`message size${size} is larger than configured ${limit}`, Code.ResourceExhausted);
}
