import { type RunningServer, serve, type TlsConfig } from "@parley/rpc/server";
import type { InteropContract } from "./contract.ts";
import { interopEnvironment } from "./environment.ts";
import { testService } from "./test-service.ts";

/** Serves the TestService on a free port of 127.0.0.1. Compresses large responses for callers that accept gzip. */
export function serveTestService(contract: InteropContract, tls?: TlsConfig): Promise<RunningServer> {
  return serve(
    { entries: [testService(contract)] },
    {
      name: "interop",
      environment: interopEnvironment(),
      config: { ...(tls === undefined ? {} : { tls }), compressBytesMin: 1_024, drainNoticeMs: 0 },
    },
  );
}
