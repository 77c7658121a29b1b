import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serviceProgram } from "../../processes/service-program.ts";
import { testedHttp2 } from "../environment.ts";

/** A service of the platform and the gateway in front of it, each in its own process. */
export interface TestedGateway {
  /** host:port. */
  readonly service: string;
  readonly gateway: string;
  close(): Promise<void>;
}

export async function openGateway(): Promise<TestedGateway> {
  const folder = await mkdtemp(join(tmpdir(), "parley-interop-"));
  const settings = { LOG_LEVEL: "info", HTTP2_IMPLEMENTATION: testedHttp2() };
  const databasePath = join(folder, "user.db");
  const user = await serviceProgram({ name: "user", main: "packages/user/src/main.ts", databasePath, settings });
  const gateway = await serviceProgram({
    name: "gateway",
    main: "packages/gateway/src/main.ts",
    databasePath: join(folder, "gateway.db"),
    settings: { ...settings, USER_SERVICE_URL: user.url },
  });
  const close = async () => {
    await Promise.all([user.kill(), gateway.kill()]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all([user.start(), gateway.start()]);
  } catch (error) {
    await close();
    throw error;
  }
  return { service: new URL(user.url).host, gateway: new URL(gateway.url).host, close };
}
