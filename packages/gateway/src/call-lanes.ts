import type { DescService } from "@bufbuild/protobuf";
import type { Client, HandlerContext } from "@connectrpc/connect";
import type { Environment } from "@parley/rpc";
import { ConnectionPool } from "@parley/rpc/client";
import { ServerCall } from "@parley/rpc/internal";

export interface CallLanesOptions {
  readonly environment: Pick<Environment, "clock" | "random">;
  /** The number of connections to a service for callers with many concurrent calls. 0: all callers share one connection. */
  readonly busyConnections: number;
}

/**
 * Selects the connection to a service for a unary call, by the number of open calls of its caller. Calls and responses on one connection
 * are read in order, so a caller with a thousand calls would delay all others. Callers with few calls therefore share one connection, and
 * callers with many share separate ones; each of these callers always uses the same one.
 */
export class CallLanes {
  readonly #busyPools: readonly ConnectionPool[];
  readonly #laneOf = new WeakMap<object, number>();
  #nextLane = 0;

  constructor({ environment, busyConnections }: CallLanesOptions) {
    this.#busyPools = Array.from({ length: busyConnections }, () => new ConnectionPool(environment));
  }

  /** The client for a call. `connect` creates a client whose connections are in a pool, or in the process's pool. */
  clients<S extends DescService>(
    connect: (pool: ConnectionPool | undefined) => Client<S>,
  ): (context: HandlerContext) => Client<S> {
    const quiet = connect(undefined);
    const busy = this.#busyPools.map(connect);
    return (context) => {
      const caller = context instanceof ServerCall ? context.placeHolders?.caller : undefined;
      return caller === undefined || caller.taken <= quietCallsMax ? quiet : (busy[this.#lane(caller)] ?? quiet);
    };
  }

  close(): void {
    for (const pool of this.#busyPools) {
      pool.close();
    }
  }

  #lane(caller: object): number {
    let lane = this.#laneOf.get(caller);
    if (lane === undefined) {
      lane = this.#nextLane++ % Math.max(1, this.#busyPools.length);
      this.#laneOf.set(caller, lane);
    }
    return lane;
  }
}

/** The most concurrent calls of a quiet caller: more than a page has open at once. */
const quietCallsMax = 16;
