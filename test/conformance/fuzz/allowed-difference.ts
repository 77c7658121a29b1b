import { Code } from "@connectrpc/connect";
import type { WireRequest } from "./mutated-request.ts";
import type { Outcome } from "./outcome.ts";

interface Pair {
  readonly fast: Outcome;
  readonly stock: Outcome;
}

/** Whether the two paths may differ here. Every reason there is has a function of its own below. */
export function allowedDifference(request: WireRequest, pair: Pair): boolean {
  const body = Buffer.concat(request.chunks);
  return severallyWrong(body, pair) || loneEnvelopeHeader(body, pair) || badBase64(request, pair);
}

/** What a request is told that cannot be read. */
const refusals: readonly (number | undefined)[] = [
  Code.InvalidArgument,
  Code.ResourceExhausted,
  Code.Unimplemented,
  Code.Internal,
];

/**
 * More than one thing is wrong with the request, and both paths refuse it for one of them. Stock Connect looks at bodies piece
 * by piece as they come, so that which of two faults it tells of depends on where the network cuts them.
 */
function severallyWrong(body: Buffer, { fast, stock }: Pair): boolean {
  const refused = [fast, stock].every(({ grpcStatus }) => refusals.includes(Number(grpcStatus)));
  return refused && body.length >= 5 && body.length - 5 > body.readUInt32BE(1);
}

/**
 * The body ends with an envelope's header and nothing of its message. We say that it is cut short; stock Connect does not notice.
 */
function loneEnvelopeHeader(body: Buffer, { fast }: Pair): boolean {
  let offset = 0;
  while (offset + 5 < body.length) {
    offset += 5 + body.readUInt32BE(offset + 1);
  }
  return offset + 5 === body.length && fast.grpcStatus === String(Code.InvalidArgument);
}

/** A GET whose message is not the base64 that it says it is, is the server's fault to stock Connect; to us, the caller's. */
function badBase64({ method, path }: WireRequest, { fast, stock }: Pair): boolean {
  return method === "GET" && path.includes("base64=1") && fast.status === 400 && stock.status === 500;
}
