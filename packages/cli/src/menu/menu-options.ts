import type { ServiceDefinition } from "../service/service-registry.ts";
import type { OpenTelemetryView } from "../telemetry/open-telemetry.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { Shop } from "./shop.ts";

/** The dependencies of the menu's screens. */
export interface MenuOptions {
  readonly shop: Shop;
  /** The sources of the calls of a trace. */
  readonly telemetry: OpenTelemetryView;
  readonly terminal: Terminal;
  readonly services: readonly ServiceDefinition[];
  readonly portOffset: number;
  /** The gateway's address, if calls go through it. */
  readonly gatewayUrl?: string | undefined;
}
