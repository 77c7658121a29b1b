import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeReplicas } from "@parley/store/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

/** Real processes and a server that must be initialized first, on a machine that may be busy. */
const startMs = 120_000;
/** Separates the ports of this stack from those of a running one, and from Linux's ephemeral ports, which end with 60999. */
const portOffset = 11_000;
const orderPort = 50_053 + portOffset;

describeReplicas("parley up --database postgres --replicas order=2,product=2", () => {
  const folder = mkdtempSync(join(tmpdir(), "parley-up-postgres-"));
  let said = "";
  let stack: ReturnType<typeof spawn>;

  beforeAll(async () => {
    // If this process is root, the server runs as another user, which must have access to its folder.
    chmodSync(folder, 0o755);
    const options = ["--database", "postgres", "--replicas", "order=2,product=2", "--only", "user,product,order"];
    const more = ["--data", folder, "--port-offset", String(portOffset), "--log-level", "warn"];
    stack = spawn(process.execPath, ["packages/cli/src/bin.ts", "up", ...options, ...more], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
    };
    stack.stdout?.on("data", hear);
    stack.stderr?.on("data", hear);
    const isUp = () => {
      if (stack.exitCode === null && !said.includes("Parley is up")) throw new Error("not up yet");
    };
    await vi.waitFor(isUp, { timeout: startMs, interval: 200 });
    expect(said).toContain("Parley is up");
  }, startMs);

  afterAll(async () => {
    if (stack.exitCode === null) {
      const ended = once(stack, "close");
      stack.kill("SIGINT");
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  }, startMs);

  const order = async (port: number, body: object) => {
    const response = await fetch(`http://127.0.0.1:${port}/order.v1.OrderService/CreateOrder`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ userId: "1", items: [{ productId: "101", quantity: 1 }], ...body }),
    });
    return (await response.json()) as { readonly order?: { readonly id: string; readonly state: string } };
  };
  const stock = async () => {
    const response = await fetch(`http://127.0.0.1:${50_052 + portOffset}/product.v1.ProductService/GetProduct`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ productId: "101" }),
    });
    return ((await response.json()) as { product: { stock: number } }).product.stock;
  };

  test("accepts orders on both ports, and executes a request id once", async () => {
    const before = await stock();
    const requestId = crypto.randomUUID();
    const answers = await Promise.all([orderPort, orderPort + 100].map((port) => order(port, { requestId })));
    expect(answers[0]?.order?.state).toBe("ORDER_STATE_CONFIRMED");
    expect(answers[1]).toEqual(answers[0]);
    const more = await Promise.all(
      Array.from({ length: 10 }, (_, index) => order(orderPort + 100 * (index % 2), { userId: "2" })),
    );
    expect(more.map((answer) => answer.order?.state)).toEqual(more.map(() => "ORDER_STATE_CONFIRMED"));
    expect(await stock()).toBe(before - 11);
  });

  test(
    "recovers after its database server was killed, with all acknowledged orders",
    async () => {
      const before = await stock();
      const [pid] = readFileSync(join(folder, "postgres", "data", "postmaster.pid"), "utf8").split("\n");
      process.kill(Number(pid), "SIGQUIT");
      await expect.poll(() => said, { timeout: startMs }).toContain("PostgreSQL has exited. Restarting it");
      const placed = async () => (await order(orderPort, {}).catch(() => undefined))?.order?.state;
      await expect.poll(placed, { timeout: startMs, interval: 500 }).toBe("ORDER_STATE_CONFIRMED");
      // The order may have used the other replica of the product service, which reconnects by itself.
      const left = () => stock().catch(() => Number.NaN);
      await expect.poll(left, { timeout: startMs, interval: 500 }).toBeLessThan(before);
      expect(existsSync(join(folder, "signing-key-secret"))).toBe(true);
    },
    startMs,
  );
});
