// Stores the faults that the stack sends under the runtime's key (`injectedFaultsKey` in rpc's
// server/admission/injected-faults.ts). Only a process of `parley up` loads this, and only its parent can send.
import type { FaultMessage } from "../fault-message.ts";

const key = Symbol.for("parley.injected-faults");

process.on("message", (message: Partial<FaultMessage> | undefined) => {
  if (message?.kind === "faults" && Array.isArray(message.faults)) {
    Object.assign(globalThis, { [key]: message.faults.length > 0 ? message.faults : undefined });
  }
});
process.channel?.unref();
