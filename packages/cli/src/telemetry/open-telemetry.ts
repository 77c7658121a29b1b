import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { TelemetryService } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { type Connection, openConnection } from "../connection/connection.ts";
import type { ConnectionOptions } from "../connection/connection-options.ts";
import { isHealthy } from "../connection/is-healthy.ts";
import { addressOfService } from "../connection/service-address.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";

/** A source of recorded calls: the gateway for all processes, or one process. */
export interface TelemetryPlace {
  readonly name: string;
  readonly client: Client<typeof TelemetryService>;
}

export interface OpenTelemetryView {
  readonly places: readonly TelemetryPlace[];
  /** The options of every call. */
  readonly options: CallOptions;
  close(): void;
}

/**
 * The sources of recorded calls: `--url`, or the gateway, which merges those of all processes; without a gateway, each process of the stack.
 */
export async function openTelemetry(
  options: ConnectionOptions,
  services: readonly ServiceDefinition[],
): Promise<OpenTelemetryView> {
  const address = (service: ServiceDefinition) =>
    addressOfService(service, { services, portOffset: options.portOffset, shell: process.env });
  const gateway = services.find(({ name }) => name === "gateway");
  const behindGateway = gateway !== undefined && (await isHealthy(address(gateway)));
  const urls =
    options.url !== undefined
      ? [["", options.url] as const]
      : behindGateway || gateway === undefined
        ? services.filter((service) => service === gateway).map((service) => [service.name, address(service)] as const)
        : services.map((service) => [service.name, address(service)] as const);
  const connections: Connection[] = [];
  const places = urls.map(([name, url]) => {
    const connection = openConnection({ ...options, url }, services);
    connections.push(connection);
    return { name, client: createClient(TelemetryService, connection.transport(TelemetryService.typeName)) };
  });
  const [first] = connections;
  return {
    places,
    options: {
      headers: first?.headers ?? new Headers(),
      ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
    },
    close() {
      for (const connection of connections) {
        connection.close();
      }
    },
  };
}
