import { patchProtobuf } from "@parley/rpc";
import { port, runService } from "@parley/rpc/server";
import { createEchoModule } from "./index.ts";

patchProtobuf();
await runService("echo-a", { PORT: port({ default: 50061 }) }, ({ environment }) => createEchoModule({ environment }));
