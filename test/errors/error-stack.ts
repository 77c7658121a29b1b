import { createCallEchoModule, createEchoModule } from "@parley/echo";
import { createGatewayModule } from "@parley/gateway";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { createNotificationModule, notificationMigrations } from "@parley/notification";
import { type Environment, systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import { type RunningServer, type ServiceModule, serve } from "@parley/rpc/server";
import { openDatabase } from "@parley/store";
import { createInMemoryPlatform } from "../platform.ts";

/** Every service of the platform and the gateway, each on a port of its own, in one process. */
export interface ErrorStack extends AsyncDisposable {
  readonly urls: Readonly<Record<StackServer, string>>;
}

export type StackServer = "user" | "product" | "order" | "notification" | "echo-a" | "echo-b" | "gateway";

export async function openErrorStack(): Promise<ErrorStack> {
  const platform = await createInMemoryPlatform();
  const servers: RunningServer[] = [];
  const environmentOf = (name: string) => systemEnvironment({ name, logLevel: "silent" });
  async function open(name: StackServer, module: ServiceModule, environment: Environment = environmentOf(name)) {
    // The modules of the platform have started already.
    const server = await serve(module, { name, environment, config: { drainNoticeMs: 1, shutdownGraceMs: 2_000 } });
    servers.unshift(server);
    return server.url;
  }
  const { user, product, order } = platform.modules;
  const notificationEnvironment = environmentOf("notification");
  const urls: Record<string, string> = {};
  urls.user = await open("user", { ...user, start: undefined } as never);
  urls.product = await open("product", { ...product, start: undefined } as never);
  urls.order = await open("order", { ...order, start: undefined } as never);
  urls.notification = await open(
    "notification",
    createNotificationModule({
      environment: notificationEnvironment,
      database: await openDatabase("sqlite::memory:", {
        migrations: notificationMigrations,
        clock: notificationEnvironment.clock,
      }),
      channel: { name: "none", async send() {}, async close() {} } as never,
      shopEmail: "shop@example.com",
    }),
    notificationEnvironment,
  );
  urls["echo-a"] = await open("echo-a", createEchoModule({ environment: environmentOf("echo-a") }));
  const echoB = environmentOf("echo-b");
  urls["echo-b"] = await open(
    "echo-b",
    createCallEchoModule({
      environment: echoB,
      echo: createServiceClient(EchoService, urls["echo-a"], { environment: echoB }),
    }),
    echoB,
  );
  const gatewayEnvironment = environmentOf("gateway");
  urls.gateway = await open(
    "gateway",
    createGatewayModule({ environment: gatewayEnvironment, requestsPerMinuteMax: 0, backends: urls as never }),
    gatewayEnvironment,
  );
  return {
    urls: urls as Record<StackServer, string>,
    async [Symbol.asyncDispose]() {
      for (const server of servers) {
        await server.close();
      }
    },
  };
}
