import { adminClients, createBuyers, signIn } from "./accounts.ts";
import { addReplicas, loseHost, restartEverything, rotateCertificates } from "./changes.ts";
import { type Checks, expectNone } from "./checks.ts";
import { startObservedTraffic } from "./observed-traffic.ts";
import type { Platform } from "./platform.ts";
import { protocols, rpcTransports } from "./protocols.ts";
import { rpcSmoke } from "./rpc-smoke.ts";
import { smoke } from "./smoke.ts";

export interface ScenarioOptions {
  readonly checks: Checks;
  /** Leaves out the lost host and the added replicas. */
  readonly isShort: boolean;
}

/** Two buyers for each protocol. */
const buyersCount = 2 * protocols.length;

/** Restarts, a lost host, added replicas and new certificates, under load; then the invariants. */
export async function scenario(platform: Platform, { checks, isShort }: ScenarioOptions): Promise<void> {
  const { url } = platform.proxy;
  await checks.check("deploy/smoke.sh passes through the proxy, by REST over TLS", () => smoke(platform));

  const { token, userId: adminId } = await signIn(url, platform.admin);
  for (const [protocol, transport] of Object.entries(rpcTransports)) {
    await checks.check(`its steps pass by ${protocol}`, () => rpcSmoke(transport(url), token));
  }
  const buyers = await createBuyers(url, { count: buyersCount });
  const observed = await startObservedTraffic({ clients: adminClients(url, token), adminId, buyers });
  try {
    const { traffic } = observed;
    const during = { platform, traffic, checks, token };
    await checks.check("REST, Connect, gRPC and gRPC-Web are answered through the proxy", async () => {
      await traffic.untilAnswered(buyersCount * 10);
      const { answered, failedTries } = traffic.take();
      expectNone(
        "tries failed",
        failedTries.map(({ error }) => error),
      );
      const named = buyers.map(({ shop }) => `${shop.protocol} CreateOrder`).filter((call) => !(call in answered));
      expectNone("protocols without an order", named);
      return Object.entries(answered)
        .map(([call, count]) => `${call} ${count}`)
        .join(", ");
    });
    await restartEverything(during);
    if (!isShort) {
      await loseHost(during);
      await addReplicas(during);
    }
    await rotateCertificates(during);
    await checks.check("every invariant holds", async () => {
      const orders = await observed.settle(platform.replicas.map(({ program }) => program));
      return `${orders} orders`;
    });
  } finally {
    await observed.stop();
  }
}
