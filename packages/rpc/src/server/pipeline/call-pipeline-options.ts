import type { AccessControl } from "../../access/guarded-call.ts";
import type { Environment } from "../../environment/environment.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import type { TrustedConnections } from "../http/trusted-connections.ts";
import type { TrustedProxies } from "../http/trusted-proxies.ts";
import type { CountCall } from "./caller-check.ts";

export interface CallPipelineOptions {
  readonly environment: Environment;
  readonly limits: ServerLimits;
  /** Access control. Without it, all callers may call all methods. */
  readonly authorize?: AccessControl | undefined;
  /** The rate limit. It counts a call before its role is checked. No limit by default. */
  readonly rate?: CountCall | undefined;
  /** The proxies in front of the server. The peer of a call through one of them is the client that it names. None by default. */
  readonly trustedProxies?: TrustedProxies | undefined;
  /** The connections that forward calls of many callers. */
  readonly trustedConnections?: TrustedConnections | undefined;
  /** Whether errors about undecodable requests have a reason and the invalid field. True by default. */
  readonly explainErrors?: boolean | undefined;
  /** The domain of reasons that have none (`ErrorInfo.domain`). Default: the package of the called method's contract. */
  readonly reasonDomain?: string | undefined;
  /** The page that describes the reasons, one section each (`google.rpc.Help`). Default: none. */
  readonly errorHelpUrl?: string | undefined;
  /** The process's name on its spans. */
  readonly name?: string | undefined;
}
