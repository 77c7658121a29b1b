import { type PlatformProcess, publicProcesses } from "@parley/gen/services.js";
import type { BackendName } from "../public-services.ts";

/** Where the page reads {@link ConsoleSession}. */
export const sessionPath = "/console/session.json";

/** What the gateway says of itself to its own page. */
export interface ConsoleSession {
  /** Whether callers have to sign in where the contract says so. */
  readonly signIn: boolean;
  /** Whether headers and payloads of calls are kept for a while (TELEMETRY_PAYLOADS). */
  readonly payloads: boolean;
  /** The processes behind the gateway. */
  readonly services: readonly Pick<PlatformProcess, "name" | "calls" | "database">[];
  /** What starts and stops services with `parley up`. Told to the gateway's own page alone, see {@link isOwnPage}. */
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
