import type { Agent } from "node:http";
import type { Clock } from "../environment/clock.ts";
import { type PoolEnvironment, sharedPool } from "./connection/connection-pool.ts";
import { TargetAgent } from "./wire/http1/target-agent.ts";

/** What plain HTTP requests to a client's target need. */
export interface HttpAgent {
  /** For node:http, also where the target is https: it makes the TLS connections itself. */
  readonly agent: Agent;
  /** For example `http://user-service:50051`. */
  readonly origin: string;
}

/** Reaches a target, with all its forms and the process's certificates, for plain HTTP requests. Throws a `TypeError` if it is no target. */
export function httpAgent(target: string, environment: PoolEnvironment & { readonly clock: Clock }): HttpAgent {
  const channel = sharedPool(environment).channel(target);
  const { scheme, authority } = channel.target;
  return { agent: new TargetAgent(channel, environment.clock), origin: `${scheme}://${authority}` };
}
