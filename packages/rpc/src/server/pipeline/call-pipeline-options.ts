import type { AccessControl } from "../../access/guarded-call.ts";
import type { Environment } from "../../environment/environment.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import type { TrustedConnections } from "../http/trusted-connections.ts";
import type { TrustedProxies } from "../http/trusted-proxies.ts";
import type { CountCall } from "./caller-check.ts";

export interface CallPipelineOptions {
  readonly environment: Environment;
  readonly limits: ServerLimits;
  /** Access control. Without it anybody may call anything. */
  readonly authorize?: AccessControl | undefined;
  /** The rate limit, if there is one: it counts a call before its role is checked. */
  readonly rate?: CountCall | undefined;
  /** The proxies in front, if there are any: a call through one of them is its client's. */
  readonly trustedProxies?: TrustedProxies | undefined;
  /** Where connections are noted that bring the calls of many callers. */
  readonly trustedConnections?: TrustedConnections | undefined;
  /** Whether errors about requests that cannot be read carry a reason and the field to blame. They do by default. */
  readonly explainErrors?: boolean | undefined;
  /** The domain of the reasons in errors, for reasons that have none. Default: the package of the called method's contract. */
  readonly reasonDomain?: string | undefined;
  /** The page that describes the reasons, one section each. Default: none. */
  readonly errorHelpUrl?: string | undefined;
  /** The process's name, on the spans of its calls. */
  readonly name?: string | undefined;
}
