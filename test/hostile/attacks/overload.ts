import type { Attack, AttackOptions, AttackReport, AttackTarget } from "../attack.ts";
import { type Dialect, requestFields, unaryDialects } from "../wire/call.ts";
import { generateLoad, type Load } from "../wire/load-generator.ts";
import { envelope, lengthDelimited, varintField } from "../wire/protobuf.ts";

const grpc = unaryDialects.find(({ name }) => name === "gRPC") as Dialect;
const json = unaryDialects.find(({ name }) => name === "Connect/2 json") as Dialect;

/** A response within this time is good. It is also the calls' deadline. */
const deadlineMs = 2_000;
/** The minimum share of the best goodput during the overload. */
const shareMin = 0.8;
/** The minimum share of good calls under normal load right after the overload. */
const recoveredShareMin = 0.9;
const connections = 8;

interface Scenario {
  readonly name: string;
  readonly victim: "order" | "product";
  /** The offered loads, as multiples of the best load. */
  readonly multiples: readonly number[];
  load(target: AttackTarget): Load;
}

const common = { deadlineMs, connections };
const scenarios: readonly Scenario[] = [
  {
    name: "create-order",
    victim: "order",
    multiples: [3, 10],
    load: ({ urls, token, userId, productId }) => ({
      ...common,
      url: urls.order,
      isGrpc: true,
      fields: requestFields(grpc, {
        path: "/order.v1.OrderService/CreateOrder",
        token,
        more: [["grpc-timeout", "2S"]],
      }),
      body: envelope(
        Buffer.concat([
          lengthDelimited(1, userId),
          lengthDelimited(2, Buffer.concat([lengthDelimited(1, productId), varintField(2, 1)])),
        ]),
      ),
    }),
  },
  {
    name: "get-product",
    victim: "product",
    multiples: [3],
    load: ({ urls, token, productId }) => ({
      ...common,
      url: urls.product,
      isGrpc: true,
      fields: requestFields(grpc, {
        path: "/product.v1.ProductService/GetProduct",
        token,
        more: [["grpc-timeout", "2S"]],
      }),
      body: envelope(lengthDelimited(1, productId)),
    }),
  },
  {
    name: "get-product-json",
    victim: "product",
    multiples: [3],
    load: ({ urls, token, productId }) => ({
      ...common,
      url: urls.product,
      isGrpc: false,
      fields: requestFields(json, {
        path: "/product.v1.ProductService/GetProduct",
        token,
        more: [["connect-timeout-ms", "2000"]],
      }),
      body: Buffer.from(JSON.stringify({ productId })),
    }),
  },
];

async function overload(
  scenario: Scenario,
  target: AttackTarget,
  { signal, scale }: AttackOptions,
): Promise<AttackReport> {
  const load = scenario.load(target);
  const seconds = Math.max(1, 6 * scale);
  await generateLoad(load, { seconds, concurrent: 64, signal });
  // The best goodput of several concurrency levels.
  let best = 0;
  for (const concurrent of [64, 256]) {
    best = Math.max(best, (await generateLoad(load, { seconds, concurrent, signal })).goodPerSecond);
  }
  const findings: string[] = [];
  const notes = [`best ${best.toFixed(0)}/s`];
  for (const multiple of scenario.multiples) {
    const result = await generateLoad(load, { seconds, perSecond: best * multiple, signal });
    const share = result.goodPerSecond / best;
    notes.push(`${multiple} x: ${result.goodPerSecond.toFixed(0)}/s good, ${result.sent} of ${result.offered} sent`);
    if (share < shareMin)
      findings.push(`goodput ${(share * 100).toFixed(0)} % of the best at ${multiple} times its load`);
    if (result.late > 0) findings.push(`${result.late} answers OK after their deadline at ${multiple} times the load`);
  }
  const after = await generateLoad(load, { seconds: Math.min(2, seconds), perSecond: best / 2, signal });
  notes.push(`after: ${after.good} of ${after.offered}`);
  if (after.good < after.offered * recoveredShareMin)
    findings.push(`${after.good} of ${after.offered} calls good right after`);
  return { findings, note: notes.join("; ") };
}

/** Services only: the gateway has a rate limit for each caller. */
export const overloads: readonly Attack[] = scenarios.map((scenario) => ({
  name: `overload/${scenario.name}`,
  victim: scenario.victim,
  kinds: ["service"],
  timeMaxMs: 90_000,
  isOverload: true,
  run: (target: AttackTarget, options: AttackOptions) => overload(scenario, target, options),
}));
