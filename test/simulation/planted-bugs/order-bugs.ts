import { Code, ConnectError } from "@connectrpc/connect";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { type Clock, sleep } from "@parley/rpc";
import type { PlantedBug } from "./planted-bug.ts";
import { replaceMethod } from "./replace-method.ts";
import { rewritingStatements } from "./rewritten-statements.ts";

/** A careless service's wait between retries of a refused order, in milliseconds, and its number of retries. */
const waitMs = 500;
const triesMax = 20;

/** Bugs that change an order twice, or create orders without a request. */
export const orderBugs: readonly PlantedBug[] = [
  {
    name: "an order changes its phase without a check of the current one",
    seams: {
      database: (database, { service }) =>
        service !== "order"
          ? database
          : rewritingStatements(database, ({ sql, parameters }) =>
              sql.startsWith("\n  UPDATE orders SET phase") ? withoutPhaseGuard(sql, parameters) : { sql, parameters },
            ),
    },
    breaks: ["events", "notification", "acknowledged", "reservation", "stock-balance"],
  },
  {
    name: "an order without a request id that was refused is tried again later",
    seams: {
      module: (module, { service, environment }) =>
        service !== "order"
          ? module
          : replaceMethod(module, OrderService.method.createOrder, (original) => async (request, context) => {
              try {
                return await original(request, context);
              } catch (error) {
                if (request.requestId === "" && ConnectError.from(error).code === Code.FailedPrecondition) {
                  void tryAgain(environment.clock, () => original(request, context));
                }
                throw error;
              }
            }),
    },
    breaks: ["request-id"],
  },
];

async function tryAgain(clock: Clock, order: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; tries < triesMax; tries++) {
    await sleep(clock, waitMs);
    const isOrdered = await order().then(
      () => true,
      () => false,
    );
    if (isOrdered) return;
  }
}

/** Removes the statement's last condition and parameter: the guard on the current phase. */
function withoutPhaseGuard(sql: string, parameters: readonly (string | number | bigint | null | Uint8Array)[]) {
  const guard = " AND phase = ?";
  const at = sql.indexOf(guard);
  const before = sql.slice(0, at).split("?").length - 1;
  return { sql: sql.slice(0, at) + sql.slice(at + guard.length), parameters: parameters.toSpliced(before, 1) };
}
