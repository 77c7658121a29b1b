import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, Code, ConnectError, createClient, type HandlerContext } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ServerReflection } from "@parley/gen/grpc/reflection/v1/reflection_pb.js";
import { Health } from "@parley/gen/health/v1/health_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import type { JWK } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CallContext, callContextKey } from "../call/call-context.ts";
import { reasonOf } from "../call/reason-error.ts";
import { systemEnvironment } from "../environment/system-environment.ts";
import { implementPartly, type ServiceModule } from "../server/pipeline/service-module.ts";
import { type RunningServer, serve } from "../server/serve.ts";
import { createAccessControl } from "./access-control.ts";
import { inSeconds, serviceToken, testKey, userToken } from "./access-fixture.ts";
import { fetchKeys } from "./fetch-keys.ts";

const environment = systemEnvironment({ name: "test", logLevel: "silent" });
const [userKey, gatewayKey] = [testKey("u1"), testKey("gateway/1")];

let folder: string;
let publisher: Server;
let published: JWK[];
let server: RunningServer;
let orders: Client<typeof OrderService>;
let seen: CallContext | undefined;
/** Called at the beginning of each WatchOrders. */
let onWatch: (context: HandlerContext) => void;
/** The keys are published once it resolves. */
let publishing: Promise<unknown>;

const module: ServiceModule = {
  entries: [
    implementPartly(OrderService, {
      getOrder(_request, { values }) {
        seen = values.get(callContextKey);
        return {};
      },
      async *watchOrders(_request, context: HandlerContext) {
        onWatch(context);
        yield { position: "1" };
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      },
    }),
  ],
  owners: { order: async () => "1" },
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-access-control-"));
  await writeFile(join(folder, "services.json"), JSON.stringify({ keys: [gatewayKey.publicJwk] }));
  published = [userKey.publicJwk];
  publishing = Promise.resolve();
  onWatch = () => {};
  publisher = createServer(
    (_request, response) => void publishing.then(() => response.end(JSON.stringify({ keys: published }))),
  );
  await new Promise<void>((resolve) => publisher.listen(0, "127.0.0.1", resolve));
  seen = undefined;
  const config = { drainNoticeMs: 0 };
  server = await serve(module, { name: "order", config, environment, authorize: await accessControl(module) });
  orders = createClient(OrderService, createGrpcTransport({ baseUrl: server.url }));
});
afterEach(async () => {
  publisher.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

function accessControl(of: ServiceModule) {
  const userKeysUrl = new URL(`http://127.0.0.1:${(publisher.address() as AddressInfo).port}/`);
  return createAccessControl(of, {
    environment,
    loadUserKeys: () => fetchKeys(userKeysUrl),
    serviceKeysFile: join(folder, "services.json"),
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function get(headers: Record<string, string>): Promise<string> {
  try {
    await orders.getOrder({ orderId: "1" }, { headers });
    return "in";
  } catch (error) {
    return `${Code[ConnectError.from(error).code]} ${reasonOf(error)?.reason}`;
  }
}

async function unpublish(): Promise<void> {
  publisher.closeAllConnections();
  await new Promise((resolve) => publisher.close(resolve));
}

describe("the user service's keys", () => {
  test("are accepted as soon as they are published", async () => {
    expect(await get(bearer(userToken(userKey)))).toBe("in");
    const next = testKey("u2");
    expect(await get(bearer(userToken(next)))).toBe("Unauthenticated TOKEN_REFUSED");
    published.push(next.publicJwk);
    expect(await get(bearer(userToken(next, { jti: "another" })))).toBe("in");
  });

  test("that are known stay valid while the user service is down; others get UNAVAILABLE", async () => {
    expect(await get(bearer(userToken(userKey)))).toBe("in");
    await unpublish();
    expect(await get(bearer(userToken(userKey, { jti: "another" })))).toBe("in");
    expect(await get(bearer(userToken(testKey("u2"))))).toBe("Unavailable KEYS_UNAVAILABLE");
    expect(await get({})).toBe("Unauthenticated TOKEN_MISSING");
  });
});

describe("the services' keys", () => {
  test("are accepted as soon as they are in the file, without a restart", async () => {
    const added = testKey("order/2");
    expect(await get(bearer(serviceToken(added)))).toBe("Unauthenticated TOKEN_REFUSED");
    await writeFile(join(folder, "services.json"), JSON.stringify({ keys: [gatewayKey.publicJwk, added.publicJwk] }));
    // The token is valid. The contract decides what the service may do with it.
    expect(await get(bearer(serviceToken(added)))).toBe("PermissionDenied PERMISSION_DENIED");
  });

  test("are required at the start", async () => {
    await rm(join(folder, "services.json"));
    await expect(accessControl(module)).rejects.toThrow("the public keys of services cannot be read");
  });
});

test("a rule that cannot be enforced is reported at the start", async () => {
  await expect(accessControl({ entries: module.entries })).rejects.toThrow(
    'GetOrder: no owner lookup for owner_of "order"',
  );
});

describe("the origin address of a call", () => {
  const forwarded = { "x-forwarded-for": "198.51.100.7, 192.0.2.1" };

  test("is accepted from an authenticated gateway, which gives its caller no rights", async () => {
    const proof = { ...forwarded, "x-forwarded-by": `Bearer ${serviceToken(gatewayKey, { sub: "gateway" })}` };
    await get({ ...bearer(userToken(userKey)), ...proof });
    expect(seen).toMatchObject({ peer: "192.0.2.1", caller: { kind: "user", id: "1" } });
    expect(await get(proof)).toBe("Unauthenticated TOKEN_MISSING");
  });

  test.each([
    ["without a token", undefined],
    ["with a user's token", `Bearer ${userToken(userKey)}`],
    ["with an invalid token", "Bearer made-up"],
  ])("is not accepted %s", async (_who, by) => {
    await get({ ...bearer(userToken(userKey)), ...forwarded, ...(by === undefined ? {} : { "x-forwarded-by": by }) });
    expect(seen?.peer).toBe("127.0.0.1");
  });
});

test("a stream ends with the token that opened it", async () => {
  const headers = bearer(userToken(userKey, { exp: inSeconds(2) }));
  const positions: string[] = [];
  const ended = (async () => {
    for await (const { position } of orders.watchOrders({ userId: "1" }, { headers })) {
      positions.push(position);
    }
  })();
  await expect(ended).rejects.toMatchObject({
    code: Code.Unauthenticated,
    rawMessage: expect.stringContaining("has expired"),
  });
  expect(positions).toEqual(["1"]);
});

test("of streams that wait for one key, those of another connection wait for few of the others", async () => {
  const key = testKey("u2");
  published.push(key.publicJwk);
  const { promise, resolve } = Promise.withResolvers<void>();
  publishing = promise;
  const begun: (string | null)[] = [];
  onWatch = ({ requestHeader }) => {
    begun.push(requestHeader.get("x-name"));
    const endMs = performance.now() + 1;
    while (performance.now() < endMs);
  };
  const watch = async (client: typeof orders, name: string) => {
    const headers = { ...bearer(userToken(key)), "x-name": name };
    for await (const _ of client.watchOrders({ userId: "1" }, { headers })) return;
  };
  const watches = Array.from({ length: 200 }, () => watch(orders, "many"));
  await new Promise((done) => setTimeout(done, 300));
  const others = createClient(OrderService, createGrpcTransport({ baseUrl: server.url }));
  watches.push(watch(others, "other"));
  await new Promise((done) => setTimeout(done, 300));
  expect(begun).toEqual([]);
  resolve();
  await Promise.all(watches);
  expect(begun.length).toBe(201);
  // Some begin while the last tokens are verified.
  expect(begun.indexOf("other")).toBeLessThan(80);
}, 20_000);

test("health and reflection are public", async () => {
  const transport = createGrpcTransport({ baseUrl: server.url });
  expect(await createClient(Health, transport).check({})).toMatchObject({ status: 1 });
  async function* ask() {
    yield { messageRequest: { case: "listServices" as const, value: "" } };
  }
  for await (const { messageResponse } of createClient(ServerReflection, transport).serverReflectionInfo(ask())) {
    expect(messageResponse.case).toBe("listServicesResponse");
  }
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
});
