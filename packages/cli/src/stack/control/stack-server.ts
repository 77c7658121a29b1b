import { randomBytes, timingSafeEqual } from "node:crypto";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { systemEnvironment } from "@parley/rpc";
import { serve } from "@parley/rpc/server";
import { removeControl, writeControl } from "./stack-record.ts";
import { createStackService, type StackServiceOptions } from "./stack-service.ts";

export interface StackServerOptions extends StackServiceOptions {
  readonly dataFolder: string;
}

/** Long enough to be unguessable: 256 bits. */
const tokenBytes = 32;

/** Serves StackService on a free port of 127.0.0.1, to callers that send the token of this run. Returns a function that stops it. */
export async function startStackServer(options: StackServerOptions): Promise<() => Promise<void>> {
  const token = randomBytes(tokenBytes).toString("base64url");
  const environment = systemEnvironment({ name: "parley", logLevel: "silent" });
  const server = await serve(
    { entries: [createStackService(options)] },
    {
      name: "parley",
      environment,
      interceptors: [requireToken(token)],
      config: { host: "127.0.0.1", port: 0, reflection: true, drainNoticeMs: 0, shutdownGraceMs: 500 },
    },
  );
  await writeControl(options.dataFolder, { url: server.url, token, pid: process.pid });
  return async () => {
    await removeControl(options.dataFolder);
    // Open log streams are cut off.
    await server.close().catch(() => {});
  };
}

function requireToken(token: string): Interceptor {
  const expected = Buffer.from(`Bearer ${token}`);
  return (next) => (request) => {
    const received = Buffer.from(request.header.get("authorization") ?? "");
    if (received.length !== expected.length || !timingSafeEqual(received, expected)) {
      throw new ConnectError("the token of this run of parley up is required", Code.Unauthenticated);
    }
    return next(request);
  };
}
