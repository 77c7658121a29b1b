import type { DescService } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Environment } from "@parley/rpc";
import { ConnectionPool } from "@parley/rpc/client";

/**
 * Connections for streams only. A stream uses one of the concurrent streams of a connection (SETTINGS_MAX_CONCURRENT_STREAMS) while it is
 * open: on a connection shared with unary calls, watchers could use all of them, and orders would have to wait.
 */
export class StreamChannels {
  readonly #pools: readonly ConnectionPool[];

  constructor(environment: Pick<Environment, "clock" | "random">) {
    this.#pools = Array.from({ length: connectionsPerBackend }, () => new ConnectionPool(environment));
  }

  /** Gives each stream the next of the connections to a backend. `connect` creates a client whose connections are in a pool. */
  clients<S extends DescService>(connect: (pool: ConnectionPool) => Client<S>): () => Client<S> {
    const clients = this.#pools.map(connect);
    let turn = 0;
    return () => clients[turn++ % clients.length] as Client<S>;
  }

  close(): void {
    for (const pool of this.#pools) {
      pool.close();
    }
  }
}

/** With the 1,000 streams that services allow on a connection, as many as the gateway's own limit (STREAMS_MAX). */
const connectionsPerBackend = 4;
