import { Code, ConnectError } from "@connectrpc/connect";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { type Clock, sleep } from "@parley/rpc";
import type { PlantedBug } from "./planted-bug.ts";
import { replaceMethod } from "./replace-method.ts";
import { rewritingStatements } from "./rewritten-statements.ts";

/** How long a careless service waits before it tries a refused order again, in milliseconds, and how often it does. */
const waitMs = 500;
const triesMax = 20;

/** How other order systems change one order twice, or make orders without a request. */
export const orderBugs: readonly PlantedBug[] = [
  {
    name: "an order moves on whatever its phase is by now",
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

/** The statement without its last condition and parameter, which say from which phase it moves. */
function withoutPhaseGuard(sql: string, parameters: readonly (string | number | bigint | null | Uint8Array)[]) {
  const guard = " AND phase = ?";
  const at = sql.indexOf(guard);
  const before = sql.slice(0, at).split("?").length - 1;
  return { sql: sql.slice(0, at) + sql.slice(at + guard.length), parameters: parameters.toSpliced(before, 1) };
}
