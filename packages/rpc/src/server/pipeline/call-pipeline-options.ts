import type { AccessControl } from "../../access/guarded-call.ts";
import type { Environment } from "../../environment/environment.ts";
import type { TraceJournal } from "../../telemetry/trace-journal.ts";
import type { ServerLimits } from "../config/server-limits.ts";
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
  /** Whether errors about requests that cannot be read carry a reason and the field to blame. They do by default. */
  readonly explainErrors?: boolean | undefined;
  /** The domain of the reasons in errors, for reasons that have none. Default: the package of the called method's contract. */
  readonly reasonDomain?: string | undefined;
  /** The page that describes the reasons, one section each. Default: none. */
  readonly errorHelpUrl?: string | undefined;
  /** Keeps the last calls. Without it none is kept. */
  readonly journal?: TraceJournal | undefined;
}
