import { readFileSync } from "node:fs";
import type { Transport } from "@connectrpc/connect";
import { systemEnvironment } from "@parley/rpc";
import { ConnectionPool, createServiceTransport } from "@parley/rpc/client";
import { UsageError } from "../outcome/usage-error.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { addressOf } from "./service-address.ts";

/** The interval does not matter: the timer keeps the process alive. */
const aliveMs = 60_000;

/** Transports to services, and headers of calls. */
export interface Connection {
  /** To the service with this contract. */
  transport(contract: string): Transport;
  readonly headers: Headers;
  readonly timeoutMs: number | undefined;
  /** Closes the connections, so that the process can end. */
  close(): void;
}

/** Connects only at the first call. */
export function openConnection(options: ConnectionOptions, services: readonly ServiceDefinition[]): Connection {
  const environment = systemEnvironment({ name: "parley", logLevel: "silent" });
  const pool = new ConnectionPool(environment);
  const caFile = process.env.TLS_CA_FILE;
  const connection = caFile ? { tls: { ca: certificatesOf(caFile) } } : {};
  const headers = new Headers();
  for (const [name, value] of options.header ?? []) {
    headers.append(name, value);
  }
  if (options.token) {
    headers.set("authorization", `Bearer ${options.token}`);
  }
  // The runtime's timers do not keep a process alive, and a call that waits for a retry may have nothing else.
  const alive = setInterval(() => {}, aliveMs);
  return {
    headers,
    timeoutMs: options.timeout,
    close() {
      clearInterval(alive);
      pool.close();
    },
    transport(contract) {
      const { url = addressOf(contract, { services, portOffset: options.portOffset, shell: process.env }) } = options;
      try {
        return createServiceTransport(url, { environment, pool, connection, callerName: "parley" });
      } catch (error) {
        // The runtime throws a TypeError for an invalid address.
        throw error instanceof TypeError ? new UsageError(error.message, { cause: error }) : error;
      }
    },
  };
}

function certificatesOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new UsageError(`TLS_CA_FILE cannot be read: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
