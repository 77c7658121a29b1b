import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { platform } from "@parley/gen/services.js";
import type { Environment } from "@parley/rpc";
import { implement, type ServiceModule } from "@parley/rpc/server";

/** Service A: returns its message. */
export function createEchoModule({ environment }: { readonly environment: Environment }): ServiceModule {
  const { clock, log } = environment;
  return {
    ...platform,
    entries: [
      implement(EchoService, {
        echo({ message }) {
          const beganMs = clock.monotonic();
          const answer = { message };
          log.info({ service: "A", endpoint: "/echo", status: "ok", latencyMs: clock.monotonic() - beganMs }, "echo");
          return answer;
        },
      }),
    ],
  };
}
