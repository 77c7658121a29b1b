import { createClient } from "@connectrpc/connect";
import { createFetchTransport } from "@parley/client";
import { TelemetryService } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { baseUrl, withToken } from "./api.ts";

/** The calls of all processes, from the gateway's telemetry service. */
export const telemetry = createClient(
  TelemetryService,
  createFetchTransport({
    baseUrl,
    useBinaryFormat: true,
    messageBytesMax: 16 * 1024 * 1024,
    interceptors: [withToken],
  }),
);
