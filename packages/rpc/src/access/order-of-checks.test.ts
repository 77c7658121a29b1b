import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type ClientHttp2Session, connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type DescMethod, type DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { methodPolicy } from "@parley/contract";
import { CallEchoService, EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { EventService } from "@parley/gen/event/v1/event_service_pb.js";
import { NotificationService } from "@parley/gen/notification/v1/notification_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { reasonError } from "../call/reason-error.ts";
import { systemEnvironment } from "../environment/system-environment.ts";
import { implement, type ServiceModule } from "../server/pipeline/service-module.ts";
import { validateMessage } from "../server/pipeline/validation/validation.ts";
import { type RunningServer, serve } from "../server/serve.ts";
import { createAccessControl } from "./access-control.ts";
import { decideAccess } from "./access-decision.ts";
import { serviceToken, testKey, userToken } from "./access-fixture.ts";

const contracts: readonly DescService[] = [
  UserService,
  ProductService,
  InventoryService,
  OrderService,
  NotificationService,
  EventService,
  EchoService,
  CallEchoService,
];
const methods = contracts.flatMap((service) => service.methods);

const userKey = testKey("u1");
const orderKey = testKey("order/1");

/** A caller: a token, and its identity. */
const callers = {
  nobody: { token: undefined, is: undefined },
  "a forged token": { token: userToken(testKey("u1")), is: "refused" },
  "another user": { token: userToken(userKey, { sub: "2" }), is: { kind: "user", id: "2" } },
  "an admin": { token: userToken(userKey, { sub: "3", role: "admin" }), is: { kind: "admin", id: "3" } },
} as const;

/** A request: a message without a field, which breaks the rules of most methods, or bytes that are not a message. */
const bodies = { empty: Buffer.alloc(0), undecodable: Buffer.from([0x0a, 0xff, 0xff]) } as const;

let folder: string;
let server: RunningServer;
let session: ClientHttp2Session;
let counted = 0;
let limited = false;
let reached = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-order-of-checks-"));
  await writeFile(join(folder, "services.json"), JSON.stringify({ keys: [orderKey.publicJwk] }));
  const module: ServiceModule = {
    entries: contracts.map((service) => implement(service, implementations(service) as ServiceImpl<DescService>)),
    owners: { order: async () => "1" },
    publishedKeys: async () => ({ keys: [userKey.publicJwk] }),
    rate: () => {
      counted++;
      if (limited) {
        throw reasonError(Code.ResourceExhausted, { reason: "RATE_LIMITED", message: "too many" });
      }
    },
  };
  const environment = systemEnvironment({ name: "test", logLevel: "silent" });
  const authorize = await createAccessControl(module, {
    environment,
    loadUserKeys: async () => ({ keys: [] }),
    serviceKeysFile: join(folder, "services.json"),
  });
  server = await serve(module, { name: "all", environment, authorize, config: { drainNoticeMs: 0 } });
  session = connect(server.url);
});
afterAll(async () => {
  session.destroy();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  counted = 0;
  limited = false;
  reached = 0;
});

/** Every method ends with DATA_LOSS, which no check before it does. */
function implementations(service: DescService): Partial<ServiceImpl<DescService>> {
  const end = () => {
    reached++;
    throw new ConnectError("reached", Code.DataLoss);
  };
  return Object.fromEntries(
    service.methods.map(({ localName, methodKind }) => [
      localName,
      methodKind === "server_streaming" || methodKind === "bidi_streaming"
        ? // biome-ignore lint/correctness/useYield: it ends before its first message.
          async function* stream() {
            end();
          }
        : end,
    ]),
  ) as unknown as Partial<ServiceImpl<DescService>>;
}

interface Attempt {
  readonly method: DescMethod;
  readonly token: string | undefined;
  readonly body: Buffer;
}

function grpc({ method, token, body }: Attempt): Promise<Code | undefined> {
  return new Promise((resolve, reject) => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length, 1);
    const stream = session.request({
      ":method": "POST",
      ":path": `/${method.parent.typeName}/${method.name}`,
      "content-type": "application/grpc",
      te: "trailers",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    });
    let status: unknown;
    stream.on("response", (headers) => {
      status = headers["grpc-status"];
    });
    stream.on("trailers", (headers) => {
      status = headers["grpc-status"];
    });
    stream.on("error", reject);
    stream.on("close", () => resolve(Number(status)));
    stream.resume().end(Buffer.concat([head, body]));
  });
}

async function connectProtocol({ method, token, body }: Attempt): Promise<Code | undefined> {
  const unary = method.methodKind === "unary";
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  const response = await fetch(`${server.url}/${method.parent.typeName}/${method.name}`, {
    method: "POST",
    headers: {
      "content-type": unary ? "application/proto" : "application/connect+proto",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: Uint8Array.from(unary ? body : Buffer.concat([head, body])),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const said = JSON.parse(bytes.toString("utf8", unary ? 0 : 5));
  return codeOf((unary ? said : said.error)?.code ?? "ok");
}

function codeOf(name: string): Code | undefined {
  const pascal = name.replace(/(?:^|_)([a-z])/g, (_match, letter: string) => letter.toUpperCase());
  return Code[pascal as keyof typeof Code];
}

/** The result from the headers alone. Undefined if the body must be read. */
function refusal(method: DescMethod, is: (typeof callers)[keyof typeof callers]["is"]): Code | undefined {
  const { access } = methodPolicy(method);
  if (decideAccess(access, undefined) === "allowed") {
    return undefined;
  }
  if (is === "refused" || is === undefined) {
    return Code.Unauthenticated;
  }
  return decideAccess(access, is) === "denied" ? Code.PermissionDenied : undefined;
}

function isValid({ input }: DescMethod): boolean {
  try {
    validateMessage(input, create(input));
    return true;
  } catch {
    return false;
  }
}

/** The result from the body for a caller that the headers allow. */
function outcomes(method: DescMethod, body: keyof typeof bodies): readonly (Code | undefined)[] {
  if (body === "undecodable") {
    return [Code.InvalidArgument, Code.Internal];
  }
  return isValid(method) ? [Code.DataLoss, Code.PermissionDenied] : [Code.InvalidArgument];
}

describe.each([
  ["gRPC over HTTP/2", grpc],
  ["Connect over HTTP/1.1", connectProtocol],
])("over %s", (_name, ask) => {
  test("identity and role are checked before a body is decoded, and a body before its owner, at every method for every caller", async () => {
    const wrong: string[] = [];
    let cells = 0;
    for (const method of methods) {
      for (const [who, { token, is }] of Object.entries(callers)) {
        for (const [body, bytes] of Object.entries(bodies) as [keyof typeof bodies, Buffer][]) {
          cells++;
          const code = await ask({ method, token, body: bytes });
          const early = refusal(method, is);
          const expected = early === undefined ? outcomes(method, body) : [early];
          if (!expected.includes(code)) {
            wrong.push(`${method.name} for ${who}, ${body}: ${code}, not ${expected.join(" or ")}`);
          }
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(cells).toBeGreaterThan(300);
    // Refused or not, decodable or not: each call has been counted, once.
    expect(counted).toBe(cells);
  });

  test("the rate limit comes before role and body, at every method for every caller", async () => {
    limited = true;
    const codes = new Set<Code | undefined>();
    for (const method of methods) {
      for (const { token } of Object.values(callers)) {
        for (const body of Object.values(bodies)) {
          codes.add(await ask({ method, token, body }));
        }
      }
    }
    expect([...codes]).toEqual([Code.ResourceExhausted]);
    expect(reached).toBe(0);
  });
});

test("a service passes the header checks, and its invalid request is refused as invalid", async () => {
  const token = serviceToken(orderKey);
  expect([Code.InvalidArgument, Code.Internal]).toContain(
    await grpc({ method: UserService.method.validateUser, token, body: bodies.undecodable }),
  );
  expect(await grpc({ method: UserService.method.listUsers, token: undefined, body: bodies.undecodable })).toBe(
    Code.Unauthenticated,
  );
});
