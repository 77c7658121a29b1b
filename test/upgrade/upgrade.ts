import { adminClients, createBuyers, signIn } from "../topology/accounts.ts";
import { none, summary } from "../topology/changes.ts";
import { type Checks, expectNone } from "../topology/checks.ts";
import { startObservedTraffic } from "../topology/observed-traffic.ts";
import { grpcTransport, rpcShop } from "../topology/protocols.ts";
import { startPatiently } from "../topology/start-patiently.ts";
import type { Slot } from "./slots.ts";

export interface UpgradeOptions {
  /** The folder with the sources of the new release. */
  readonly release: string;
  readonly admin: { readonly email: string; readonly password: string };
  readonly checks: Checks;
}

/** The clients' protocols, over connections to both gateways. */
const dialects = [
  ["gRPC", "grpc"],
  ["gRPC-Web", "grpc-web"],
  ["Connect", "connect"],
] as const;
const callsOfStep = 60;
const callsSideBySide = 200;

/** Starts the old release in all slots, and replaces it under load: first one slot of each service, then the other. */
export async function upgrade(slots: readonly Slot[], { release, admin, checks }: UpgradeOptions): Promise<void> {
  await Promise.all(slots.map(({ program }) => startPatiently(program)));
  const gateways = slots.filter(({ service }) => service.name === "gateway").map(({ url }) => url);
  const [url = ""] = gateways;
  const { token, userId: adminId } = await signIn(url, admin);
  const target = gateways.join(",");
  const shops = dialects.map(
    ([name, protocol]) =>
      (_: string, buyersToken: string) =>
        rpcShop(name, grpcTransport(target, protocol), buyersToken),
  );
  const buyers = await createBuyers(url, { count: 2 * shops.length, shops });
  const observed = await startObservedTraffic({ clients: adminClients(target, token), adminId, buyers });
  try {
    const { traffic } = observed;
    await checks.check("two replicas of the previous release serve", async () => {
      await traffic.untilAnswered(callsOfStep);
      return summary(traffic.take(), { explained: none });
    });
    await checks.check("one replica of each service is replaced", () => replace(1));
    await checks.check("both releases serve side by side", async () => {
      await traffic.untilAnswered(callsSideBySide);
      return summary(traffic.take(), { explained: none });
    });
    await checks.check(
      "a replica of the previous release that was killed starts again beside the new one",
      async () => {
        const crashed = slots.filter(({ service }, index) => service.database && index % 2 === 0);
        for (const { program } of crashed) {
          await program.kill();
          await startPatiently(program);
        }
        await traffic.untilAnswered(callsOfStep);
        return summary(traffic.take());
      },
    );
    await checks.check("the other replica of each service is replaced", () => replace(0));
    await checks.check("this release serves alone", async () => {
      await traffic.untilAnswered(callsOfStep);
      return summary(traffic.take(), { explained: none });
    });
    await checks.check("every invariant holds", async () => {
      return `${await observed.settle(slots.map(({ program }) => program))} orders`;
    });

    async function replace(which: 0 | 1): Promise<string> {
      const codes: string[] = [];
      for (const slot of slots.filter((_, index) => index % 2 === which)) {
        const code = await slot.replace(release);
        if (code !== 0) codes.push(`${slot.service.name}: ${code}`);
      }
      expectNone("exit codes other than 0", codes);
      return summary(traffic.take(), { explained: none });
    }
  } finally {
    await observed.stop();
  }
}
