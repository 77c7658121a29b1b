import { createCallEchoModule, createEchoModule } from "@parley/echo";
import { createGatewayModule } from "@parley/gateway";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { processes } from "@parley/gen/services.js";
import { createNotificationModule, notificationMigrations } from "@parley/notification";
import { systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import { type RunningServer, type ServiceModule, serve } from "@parley/rpc/server";
import { openDatabase } from "@parley/store";
import { freeOffset } from "../e2e/running-stack.ts";
import { createInMemoryPlatform } from "../platform.ts";

export type ServerName = "user" | "product" | "order" | "notification" | "echo-a" | "echo-b" | "gateway";

/** Every service of the platform and the gateway, each on its own port, in one process. */
export interface ErrorStack extends AsyncDisposable {
  readonly urls: Readonly<Record<ServerName, string>>;
  /** Added to the port of each service. */
  readonly portOffset: number;
}

/** A channel that sends nothing. */
const silentChannel = { concurrencyMax: 1, async send() {}, async close() {} };

export async function openErrorStack(): Promise<ErrorStack> {
  const platform = await createInMemoryPlatform();
  const portOffset = await freeOffset();
  const servers: RunningServer[] = [];
  const urls = Object.fromEntries(
    processes.map(({ name, port }) => [name, `http://127.0.0.1:${port + portOffset}`]),
  ) as Record<ServerName, string>;
  const environmentOf = (name: string) => systemEnvironment({ name, logLevel: "silent" });

  async function open(name: ServerName, module: ServiceModule, environment = environmentOf(name)): Promise<void> {
    const config = { port: Number(new URL(urls[name]).port), drainNoticeMs: 1, shutdownGraceMs: 2_000 };
    servers.unshift(await serve(module, { name, environment, config }));
  }

  const { user, product, order } = platform.modules;
  for (const [name, { start: _started, ...module }] of Object.entries({ user, product, order })) {
    await open(name as ServerName, module);
  }
  const environment = environmentOf("notification");
  const { clock } = environment;
  const database = await openDatabase("sqlite::memory:", { migrations: notificationMigrations, clock });
  const options = { environment, database, channel: silentChannel, shopEmail: "shop@example.com" };
  await open("notification", createNotificationModule(options), environment);
  await open("echo-a", createEchoModule({ environment: environmentOf("echo-a") }));
  const caller = environmentOf("echo-b");
  const echo = createServiceClient(EchoService, urls["echo-a"], { environment: caller });
  await open("echo-b", createCallEchoModule({ environment: caller, echo }), caller);
  const door = environmentOf("gateway");
  const { gateway: _gateway, ...backends } = urls;
  await open("gateway", createGatewayModule({ environment: door, backends, requestsPerMinuteMax: 0 }), door);
  return {
    urls,
    portOffset,
    async [Symbol.asyncDispose]() {
      for (const server of servers) {
        await server.close();
      }
    },
  };
}
