import type { Agent } from "node:http";
import type { Clock } from "../environment/clock.ts";
import { type PoolEnvironment, sharedPool } from "./connection/connection-pool.ts";
import { TargetAgent } from "./wire/http1/target-agent.ts";

/** The parameters of plain HTTP requests to a client's target. */
export interface HttpAgent {
  /** For node:http, also for an https target: it makes the TLS connections itself. */
  readonly agent: Agent;
  /** For example `http://user-service:50051`. */
  readonly origin: string;
}

/** Connects plain HTTP requests to a target, with all its forms and the process's certificates. Throws a `TypeError` for an invalid target. */
export function httpAgent(target: string, environment: PoolEnvironment & { readonly clock: Clock }): HttpAgent {
  const channel = sharedPool(environment).channel(target);
  const { scheme, authority } = channel.target;
  return { agent: new TargetAgent(channel, environment.clock), origin: `${scheme}://${authority}` };
}
