import { Code } from "@connectrpc/connect";
import type { WireRequest } from "./mutated-request.ts";
import type { Outcome } from "./outcome.ts";

interface Pair {
  readonly fast: Outcome;
  readonly stock: Outcome;
}

/** Whether the two paths may differ for this request. Each allowed reason has its own function below. */
export function allowedDifference(request: WireRequest, pair: Pair): boolean {
  const body = Buffer.concat(request.chunks);
  return severallyWrong(body, pair) || loneEnvelopeHeader(body, pair) || badBase64(request, pair);
}

/** The codes of malformed requests. */
const refusals: readonly (number | undefined)[] = [
  Code.InvalidArgument,
  Code.ResourceExhausted,
  Code.Unimplemented,
  Code.Internal,
];

/**
 * The request has several faults, and both paths refuse it for one of them. Stock Connect validates bodies incrementally, so
 * that the reported fault depends on how the network splits the body.
 */
function severallyWrong(body: Buffer, { fast, stock }: Pair): boolean {
  const refused = [fast, stock].every(({ grpcStatus }) => refusals.includes(Number(grpcStatus)));
  return refused && body.length >= 5 && body.length - 5 > body.readUInt32BE(1);
}

/** The body ends with an envelope header without a message. Parley reports a truncated message; stock Connect does not notice. */
function loneEnvelopeHeader(body: Buffer, { fast }: Pair): boolean {
  let offset = 0;
  while (offset + 5 < body.length) {
    offset += 5 + body.readUInt32BE(offset + 1);
  }
  return offset + 5 === body.length && fast.grpcStatus === String(Code.InvalidArgument);
}

/** A GET with an invalid base64 message: a server error in stock Connect, an invalid argument in Parley. */
function badBase64({ method, path }: WireRequest, { fast, stock }: Pair): boolean {
  return method === "GET" && path.includes("base64=1") && fast.status === 400 && stock.status === 500;
}
