import type { AccessControl } from "../../access/guarded-call.ts";
import { toCallerError } from "./error-mapping.ts";
import type { ServerCall } from "./server-call.ts";

/**
 * Counts a call against its caller's rate. Asked once for each call: after its caller was identified, or refused for a bad token, and
 * before anything else is done with it. Throws RESOURCE_EXHAUSTED if the call is one too many.
 */
export type CountCall = (call: ServerCall) => void;

export interface CallerCheckOptions {
  readonly access: AccessControl | undefined;
  readonly rate: CountCall | undefined;
}

/**
 * Identity, rate, role: in this order, so that a call with a refused token counts against its sender's rate too. Needs a call's headers alone.
 * Throws if the call is refused at once; where its token must be looked at first, {@link ServerCall.identified} rejects.
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
  // The opener of the call awaits it; otherwise the pipeline's kinds of calls still reject.
  call.identified.catch(ignoreLateFailure);
}

function ignoreLateFailure(): void {}
