import { type PlatformProcess, publicProcesses } from "@parley/gen/services.js";
import type { BackendName } from "../public-services.ts";

/** The path of {@link ConsoleSession}. */
export const sessionPath = "/console/session.json";

/** The gateway's configuration, as far as its own page needs it. */
export interface ConsoleSession {
  /** Whether callers must sign in where the contract requires it. */
  readonly signIn: boolean;
  /** Whether telemetry records headers and payloads of calls (TELEMETRY_PAYLOADS). */
  readonly payloads: boolean;
  /** The processes behind the gateway. */
  readonly services: readonly Pick<PlatformProcess, "name" | "calls" | "database">[];
  /** The token to start and stop services of `parley up`. Sent only to the gateway's own page, see {@link isOwnPage}. */
  readonly stack?: { readonly token: string };
}

export interface SessionOptions {
  readonly signIn: boolean;
  readonly payloads: boolean;
  readonly offered: ReadonlySet<BackendName>;
}

export function consoleSession({ signIn, payloads, offered }: SessionOptions): ConsoleSession {
  const services = publicProcesses.filter(({ name }) => offered.has(name));
  return { signIn, payloads, services: services.map(({ name, calls, database }) => ({ name, calls, database })) };
}
