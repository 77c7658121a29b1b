import type { AccessControl } from "../../access/guarded-call.ts";
import { toCallerError } from "./error-mapping.ts";
import type { ServerCall } from "./server-call.ts";

/**
 * Counts a call against its caller's rate limit. Runs once for each call, right after authentication, also if that failed. Throws
 * RESOURCE_EXHAUSTED if the call exceeds the limit.
 */
export type CountCall = (call: ServerCall) => void;

export interface CallerCheckOptions {
  readonly access: AccessControl | undefined;
  readonly rate: CountCall | undefined;
}

/**
 * Checks identity, rate limit and role, in this order, so that calls with an invalid token count against the rate limit too. Needs only the
 * call's headers. Throws if there is no access control and the rate limit is exceeded. Otherwise {@link ServerCall.identified} rejects.
 */
export function checkCaller(call: ServerCall, { access, rate }: CallerCheckOptions): void {
  if (access === undefined) {
    rate?.(call);
    return;
  }
  const identified = call.race(access.identify(call)).then(
    (caller) => {
      call.caller = caller;
      rate?.(call);
      access.permit(call, caller);
      call.identified = undefined;
    },
    (error: unknown) => {
      rate?.(call);
      throw error;
    },
  );
  call.identified = identified.catch((error: unknown) => {
    throw toCallerError(call, error);
  });
  // Avoids an unhandled rejection. The opener of the call, and the pipeline's methods, still see it.
  call.identified.catch(ignoreLateFailure);
}

function ignoreLateFailure(): void {}
