import { addressOfService } from "../connection/service-address.ts";
import { findPortUse } from "../ports/find-port-use.ts";
import { waysToFreePorts } from "../ports/ways-out.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { startCommand } from "../service/start-command.ts";
import { bad, type Finding, good, note } from "./finding.ts";

export interface ServiceCheckOptions {
  readonly portOffset: number;
  /** An absolute path, for the commands that restart services. */
  readonly dataFolder: string;
  readonly shell: Readonly<Record<string, string | undefined>>;
}

/** The time limit of one health check, in milliseconds. */
const answerMaxMs = 2_000;
/** A clock that differs by this much breaks tokens and deadlines. */
const clockSkewMaxMs = 5_000;

type Outcome = { readonly service: ServiceDefinition; readonly url: string } & (
  | { readonly kind: "serving" | "not-serving"; readonly clockSkewMs: number }
  | { readonly kind: "silent"; readonly cause: string }
  | { readonly kind: "foreign"; readonly status: number }
  | { readonly kind: "closed" }
);

/** Checks whether each service is healthy, whether another process has its port, and whether its clock agrees with this machine's. */
export async function checkServices(
  services: readonly ServiceDefinition[],
  options: ServiceCheckOptions,
): Promise<readonly Finding[]> {
  const outcomes = await Promise.all(
    services.map((service) => ask(service, addressOfService(service, { services, ...options }))),
  );
  const remedies = await waysToFreePorts([], { services, settings: { ...options, services }, shell: options.shell });
  const findings = await Promise.all(outcomes.map((outcome) => judge(outcome, remedies)));
  if (findings.every((finding) => finding === undefined)) {
    return [note("No service is running", startCommand(options))];
  }
  return findings.map((finding, index) => {
    const { service, url } = outcomes[index] ?? { service: undefined, url: "" };
    const restart = startCommand({ ...options, only: service && [service.name] });
    return finding ?? bad(`${service?.name} is not running at ${url}`, restart);
  });
}

/** Undefined if nothing answers and no process listens. */
async function judge(outcome: Outcome, waysToOtherPorts: readonly string[]): Promise<Finding | undefined> {
  const { service, url } = outcome;
  switch (outcome.kind) {
    case "closed":
      return undefined;
    case "serving":
      return Math.abs(outcome.clockSkewMs) > clockSkewMaxMs
        ? bad(
            `${service.name} at ${url} has a clock that is ${Math.round(outcome.clockSkewMs / 1_000)} s off`,
            "Synchronise the clocks of both machines (NTP).",
          )
        : good(`${service.name} is SERVING at ${url}`);
    case "not-serving":
      return bad(`${service.name} at ${url} is NOT_SERVING: it is starting or draining`, "See its log.");
    case "foreign":
      return bad(
        `${url}, the address of ${service.name}, belongs to another server: it responded with ${outcome.status}${await ownerInWords(url)}`,
        waysToOtherPorts.join(" "),
      );
    case "silent": {
      const owner = await ownerInWords(url);
      return owner === ""
        ? undefined
        : bad(
            `${url}, the address of ${service.name}, is in use, and does not respond (${outcome.cause})${owner}`,
            ["End that process.", ...waysToOtherPorts].join(" "),
          );
    }
  }
}

async function ask(service: ServiceDefinition, url: string): Promise<Outcome> {
  if (await isClosed(url)) {
    return { service, url, kind: "closed" };
  }
  try {
    const response = await fetch(new URL("/health", url), { signal: AbortSignal.timeout(answerMaxMs) });
    const { status } = await readHealth(response);
    // The gateway is DEGRADED if another service is not serving; that service has its own finding.
    if (status === "SERVING" || status === "DEGRADED" || status === "NOT_SERVING") {
      const kind = status === "NOT_SERVING" ? "not-serving" : "serving";
      return { service, url, kind, clockSkewMs: skewOf(response.headers.get("date")) };
    }
    return { service, url, kind: "foreign", status: response.status };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return { service, url, kind: "silent", cause };
  }
}

async function readHealth(response: Response): Promise<{ readonly status?: unknown }> {
  try {
    return (await response.json()) as { readonly status?: unknown };
  } catch {
    // A server that does not answer JSON is not a service of the platform.
    return {};
  }
}

function skewOf(date: string | null): number {
  const serverTimeMs = date === null ? Number.NaN : Date.parse(date);
  return Number.isNaN(serverTimeMs) ? 0 : serverTimeMs - Date.now();
}

/** Whether no process listens at an address of this machine. A closed port is not dialled: the dial could connect to itself. */
async function isClosed(url: string): Promise<boolean> {
  const port = localPort(url);
  const use = port === undefined ? undefined : await findPortUse(port);
  return use?.kind === "none" || use?.kind === "connected";
}

async function ownerInWords(url: string): Promise<string> {
  const port = localPort(url);
  if (port === undefined) {
    return "";
  }
  const { owner } = await findPortUse(port);
  return owner === undefined ? "" : `: process ${owner.pid} (${owner.command})`;
}

/** The port of an address of this machine; undefined for any other. */
function localPort(url: string): number | undefined {
  if (!URL.canParse(url)) {
    return undefined;
  }
  const { hostname, port, protocol } = new URL(url);
  const isLocal = ["127.0.0.1", "localhost", "[::1]"].includes(hostname);
  return isLocal ? Number(port || (protocol === "https:" ? 443 : 80)) : undefined;
}
