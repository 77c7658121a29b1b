import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { patchProtobuf } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import { port, runService, serviceUrl } from "@parley/rpc/server";
import { createCallEchoModule } from "./index.ts";

const settings = {
  PORT: port({ default: 50062 }),
  ECHO_A_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50061" }),
};

patchProtobuf();
await runService("echo-b", settings, ({ config, environment }) => {
  const echo = createServiceClient(EchoService, config.ECHO_A_SERVICE_URL, { environment, callerName: "echo-b" });
  return createCallEchoModule({ environment, echo });
});
