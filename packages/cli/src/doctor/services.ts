import { addressOfService } from "../connection/service-address.ts";
import { findPortOwner } from "../ports/port-owner.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { bad, type Finding, good, note } from "./finding.ts";

export interface ServiceCheckOptions {
  readonly portOffset: number;
  readonly shell: Readonly<Record<string, string | undefined>>;
}

/** How long one service may take to answer, in milliseconds. */
const answerMaxMs = 2_000;
/** A clock that differs by so much makes tokens too old or too young, and deadlines nonsense. */
const clockSkewMaxMs = 5_000;

type Outcome = { readonly service: ServiceDefinition; readonly url: string } & (
  | { readonly kind: "serving" | "not-serving"; readonly clockSkewMs: number }
  | { readonly kind: "silent"; readonly cause: string }
  | { readonly kind: "stranger"; readonly status: number }
);

/** Whether each service takes calls, who has its port if somebody else does, and whether its clock agrees with this one. */
export async function checkServices(
  services: readonly ServiceDefinition[],
  { portOffset, shell }: ServiceCheckOptions,
): Promise<readonly Finding[]> {
  const outcomes = await Promise.all(
    services.map((service) => ask(service, addressOfService(service, { services, portOffset, shell }))),
  );
  const findings = await Promise.all(outcomes.map(judge));
  if (findings.every((finding) => finding === undefined)) {
    return [note("No service is running", startHint(portOffset))];
  }
  return findings.map((finding, index) => {
    const { service, url } = outcomes[index] ?? { service: undefined, url: "" };
    return finding ?? bad(`${service?.name} is not running at ${url}`, startHint(portOffset));
  });
}

/** Undefined where nobody answers and nobody listens. */
async function judge(outcome: Outcome): Promise<Finding | undefined> {
  const { service, url } = outcome;
  switch (outcome.kind) {
    case "serving":
      return Math.abs(outcome.clockSkewMs) > clockSkewMaxMs
        ? bad(
            `${service.name} at ${url} has another time: ${Math.round(outcome.clockSkewMs / 1_000)} s off`,
            "Let both machines take their time from the network (NTP).",
          )
        : good(`${service.name} is SERVING at ${url}`);
    case "not-serving":
      return bad(`${service.name} at ${url} is NOT_SERVING: it starts, or it ends`, "Its log says more.");
    case "stranger":
      return bad(
        `${url}, where ${service.name} should be, answers ${outcome.status} and not as Parley does${await ownerInWords(url)}`,
        "`parley up --port-offset 100` takes other ports.",
      );
    case "silent": {
      const owner = await ownerInWords(url);
      return owner === ""
        ? undefined
        : bad(
            `${url}, where ${service.name} should be, is taken and does not answer (${outcome.cause})${owner}`,
            "End that process, or take other ports with `parley up --port-offset 100`.",
          );
    }
  }
}

async function ask(service: ServiceDefinition, url: string): Promise<Outcome> {
  try {
    const response = await fetch(new URL("/health", url), { signal: AbortSignal.timeout(answerMaxMs) });
    const { status } = await readHealth(response);
    if (status === "SERVING" || status === "NOT_SERVING") {
      const kind = status === "SERVING" ? "serving" : "not-serving";
      return { service, url, kind, clockSkewMs: skewOf(response.headers.get("date")) };
    }
    return { service, url, kind: "stranger", status: response.status };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return { service, url, kind: "silent", cause };
  }
}

async function readHealth(response: Response): Promise<{ readonly status?: unknown }> {
  try {
    return (await response.json()) as { readonly status?: unknown };
  } catch {
    // Whoever answers something else than JSON is not a service of the platform.
    return {};
  }
}

function skewOf(date: string | null): number {
  const told = date === null ? Number.NaN : Date.parse(date);
  return Number.isNaN(told) ? 0 : told - Date.now();
}

async function ownerInWords(url: string): Promise<string> {
  if (!URL.canParse(url)) {
    return "";
  }
  const { hostname, port } = new URL(url);
  if (!["127.0.0.1", "localhost", "[::1]"].includes(hostname)) {
    return "";
  }
  const owner = await findPortOwner(Number(port));
  return owner === undefined ? "" : `: process ${owner.pid} (${owner.command})`;
}

function startHint(portOffset: number): string {
  return `npx parley up${portOffset === 0 ? "" : ` --port-offset ${portOffset}`}`;
}
