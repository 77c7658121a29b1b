import { createPrivateKey } from "node:crypto";
import { create, type DescMethod, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  CreateOrderRequestSchema,
  GetOrderRequestSchema,
  OrderService,
} from "@parley/gen/order/v1/order_service_pb.js";
import { GetProductRequestSchema, ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import {
  UpdateUserRequestSchema,
  UserService,
  ValidateUserRequestSchema,
} from "@parley/gen/user/v1/user_service_pb.js";
import {
  createLocalJWKSet,
  exportJWK,
  exportSPKI,
  type GenerateKeyPairResult,
  generateKeyPair,
  type JWK,
  SignJWT,
} from "jose";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { serviceTokenIssuer, tokenAudience, userTokenIssuer, userTokenType } from "../call/token-claims.ts";
import { systemClock } from "../environment/clock.ts";
import { inSeconds, serviceToken, testKey, userToken } from "./access-fixture.ts";
import { type Authorize, createAuthorize } from "./authorize.ts";
import { createServiceIdentity } from "./service-identity.ts";
import { KeysUnavailableError } from "./token-errors.ts";
import { createTokenVerifier } from "./token-verifier.ts";

let authorize: Authorize;
let authorizeGuests: Authorize;
let users: GenerateKeyPairResult;
let services: GenerateKeyPairResult;
let serviceJwk: JWK;
const forger = testKey("u3");
let keysAreThere: boolean;

beforeAll(async () => {
  users = await generateKeyPair("EdDSA", { extractable: true });
  services = await generateKeyPair("EdDSA", { extractable: true });
  serviceJwk = { ...(await exportJWK(services.privateKey)), kid: "order/1" };
  const userKeys = createLocalJWKSet({
    keys: [{ ...(await exportJWK(users.publicKey)), kid: "u1" }, forger.publicJwk],
  });
  const verifier = createTokenVerifier(
    {
      users: async (header, jws) => {
        if (!keysAreThere) {
          throw new KeysUnavailableError("the user service is down");
        }
        return userKeys(header, jws);
      },
      services: createLocalJWKSet({ keys: [{ ...(await exportJWK(services.publicKey)), kid: "order/1" }] }),
    },
    { clock: systemClock },
  );
  const owners = { order: async (id: string) => ({ "order-of-1": "1", "order-of-a-guest": "" })[id] };
  authorize = createAuthorize(verifier, owners);
  authorizeGuests = createAuthorize(verifier, owners, { guests: true });
});

beforeEach(() => {
  keysAreThere = true;
});

interface Claims {
  readonly sub?: string;
  readonly role?: string;
  readonly iss?: string;
  readonly aud?: string;
  readonly expiresAtS?: number;
}

function token({ sub = "1", role = "customer", iss = userTokenIssuer, aud = tokenAudience, expiresAtS }: Claims = {}) {
  return new SignJWT({ role })
    .setProtectedHeader({ alg: "EdDSA", kid: "u1", typ: userTokenType })
    .setSubject(sub)
    .setIssuer(iss)
    .setAudience(aud)
    .setExpirationTime(expiresAtS ?? Math.floor(Date.now() / 1000) + 60)
    .sign(users.privateKey);
}

async function ask(method: DescMethod, message: Message, bearer?: string) {
  const authorization = bearer === undefined ? undefined : `Bearer ${bearer}`;
  return decide(authorize, { method, message, authorization });
}

interface Question {
  readonly method: DescMethod;
  readonly message: Message;
  readonly authorization: string | undefined;
  readonly onBehalfOf?: string | undefined;
}

/** All three steps, in the pipeline's order. */
async function decide(by: Authorize, { method, message, authorization, onBehalfOf }: Question) {
  const caller = await by.identify(method, { authorization, onBehalfOf });
  by.permit(method, caller);
  await by.checkOwner(method, caller, message);
  return caller;
}

async function codeOf(answer: Promise<unknown>): Promise<Code | "allowed"> {
  return answer.then(
    () => "allowed",
    (error) => ConnectError.from(error).code,
  );
}

const createOrder = OrderService.method.createOrder;
const orderOf1 = create(CreateOrderRequestSchema, { userId: "1" });

describe("an owner's method", () => {
  test("allows the owner and an admin, and no other caller", async () => {
    expect(await codeOf(ask(createOrder, orderOf1))).toBe(Code.Unauthenticated);
    expect(await codeOf(ask(createOrder, orderOf1, await token()))).toBe("allowed");
    expect(await codeOf(ask(createOrder, orderOf1, await token({ sub: "2" })))).toBe(Code.PermissionDenied);
    expect(await codeOf(ask(createOrder, orderOf1, await token({ sub: "2", role: "admin" })))).toBe("allowed");
  });

  test("names the owner field and its value to a caller who leaves it empty", async () => {
    const refused = ask(createOrder, create(CreateOrderRequestSchema, {}), await token());
    await expect(refused).rejects.toThrow("`user_id` is empty: set it to your own id.");
    const others = ask(createOrder, orderOf1, await token({ sub: "2" }));
    await expect(others).rejects.toThrow(/may call order\.v1\.OrderService\/CreateOrder\.$/);
  });

  test("follows the owner field into nested messages", async () => {
    const update = create(UpdateUserRequestSchema, { user: { id: "1" } });
    expect(await codeOf(ask(UserService.method.updateUser, update, await token()))).toBe("allowed");
    expect(await codeOf(ask(UserService.method.updateUser, update, await token({ sub: "2" })))).toBe(
      Code.PermissionDenied,
    );
  });

  test("allows a guest, if guests are accepted, only without an account", async () => {
    const ofNoAccount = create(CreateOrderRequestSchema, {});
    const as = async (message: Message, bearer?: string, method: DescMethod = createOrder) =>
      codeOf(decide(authorizeGuests, { method, message, authorization: bearer && `Bearer ${bearer}` }));
    expect(await as(ofNoAccount)).toBe("allowed");
    expect(await as(orderOf1)).toBe(Code.Unauthenticated);
    // A caller with a token is no guest, and one with a bad token does not become one.
    expect(await as(ofNoAccount, await token())).toBe(Code.PermissionDenied);
    expect(await as(ofNoAccount, await token({ role: "admin" }))).toBe("allowed");
    expect(await as(ofNoAccount, await token({ expiresAtS: inSeconds(-60) }))).toBe(Code.Unauthenticated);
    expect(await as(ofNoAccount, "made-up")).toBe(Code.Unauthenticated);
    // A guest's order has no owner: only an admin's token opens it.
    const { getOrder, cancelOrder, listOrders } = OrderService.method;
    const guests = create(GetOrderRequestSchema, { orderId: "order-of-a-guest" });
    for (const method of [getOrder, cancelOrder]) {
      expect(await as(guests, undefined, method)).toBe(Code.Unauthenticated);
      expect(await as(guests, await token(), method)).toBe(Code.PermissionDenied);
      expect(await as(guests, await token({ role: "admin" }), method)).toBe("allowed");
    }
    expect(await as(create(listOrders.input), undefined, listOrders)).toBe(Code.Unauthenticated);
  });

  test("looks up the owner of a resource", async () => {
    const get = create(GetOrderRequestSchema, { orderId: "order-of-1" });
    expect(await codeOf(ask(OrderService.method.getOrder, get, await token()))).toBe("allowed");
    expect(await codeOf(ask(OrderService.method.getOrder, get, await token({ sub: "2" })))).toBe(Code.PermissionDenied);
  });

  test("refuses every caller if the owner cannot be looked up", async () => {
    const careless = createAuthorize(
      { verify: async () => ({ kind: "user", id: "1" }), verifyForwarder: () => expect.fail() },
      {},
    );
    const message = create(GetOrderRequestSchema, { orderId: "order-of-1" });
    const question = {
      method: OrderService.method.getOrder,
      message,
      authorization: "Bearer x",
      onBehalfOf: undefined,
    };
    expect(await codeOf(decide(careless, question))).toBe(Code.PermissionDenied);
  });

  test("does not treat an empty owner as every caller's", async () => {
    const all = create(OrderService.method.listOrders.input, {});
    expect(await codeOf(ask(OrderService.method.listOrders, all, await token()))).toBe(Code.PermissionDenied);
  });
});

describe("a token is refused", () => {
  const forgeries: [string, () => Promise<string>][] = [
    ["that has expired", () => token({ expiresAtS: Math.floor(Date.now() / 1000) - 60 })],
    ["with another audience", () => token({ aud: "elsewhere" })],
    ["from another issuer", () => token({ iss: "https://evil.example" })],
    ["of a user who claims to be a service", () => token({ iss: serviceTokenIssuer, sub: "order" })],
    ["with alg none", async () => unsigned({ alg: "none", typ: userTokenType })],
    [
      "signed with the public key as an HMAC secret",
      async () =>
        new SignJWT({ role: "admin" })
          .setProtectedHeader({ alg: "HS256", kid: "u1", typ: userTokenType })
          .setSubject("1")
          .setIssuer(userTokenIssuer)
          .setAudience(tokenAudience)
          .setExpirationTime("1m")
          .sign(new TextEncoder().encode(await exportSPKI(users.publicKey))),
    ],
    ["with an invalid signature", async () => `${(await token()).split(".").slice(0, 2).join(".")}.${"A".repeat(86)}`],
    ["too long", async () => `${await token()}${"A".repeat(5_000)}`],
    ["that is not a JWT", async () => "hello"],
    ["of another type", async () => userToken(forger, {}, { typ: "JWT" })],
    ["without a type", async () => userToken(forger, {}, { typ: undefined })],
    ["with an unknown crit", async () => userToken(forger, {}, { crit: ["b64x"], b64x: 1 })],
    ["without exp", async () => userToken(forger, { exp: undefined })],
    ["that is not valid yet", async () => userToken(forger, { nbf: inSeconds(60) })],
    ["with an empty sub", async () => userToken(forger, { sub: "" })],
    ["with a sub that is not a string", async () => userToken(forger, { sub: 1 })],
  ];

  test.each(forgeries)("%s", async (_name, forge) => {
    expect(await codeOf(ask(createOrder, orderOf1, await forge()))).toBe(Code.Unauthenticated);
  });

  test("but a public method succeeds anyway, also if the token cannot be verified", async () => {
    const get = create(GetProductRequestSchema, { productId: "101" });
    keysAreThere = false;
    expect(await codeOf(ask(ProductService.method.getProduct, get, userToken(forger, { jti: "unseen" })))).toBe(
      "allowed",
    );
    keysAreThere = true;
    expect(await codeOf(ask(ProductService.method.getProduct, get, await token({ aud: "elsewhere" })))).toBe("allowed");
  });

  function unsigned(header: object): string {
    const claims = { sub: "1", iss: userTokenIssuer, aud: tokenAudience, exp: Math.floor(Date.now() / 1000) + 60 };
    return `${base64(header)}.${base64(claims)}.`;
  }
  function base64(value: object): string {
    return Buffer.from(JSON.stringify(value)).toString("base64url");
  }
});

describe("a service", () => {
  test("authenticates with its own key and passes on its user", async () => {
    const identity = createServiceIdentity("order", { privateKey: serviceJwk, clock: systemClock });
    const caller = await decide(authorize, {
      method: UserService.method.validateUser,
      message: create(ValidateUserRequestSchema, { userId: "1" }),
      authorization: `Bearer ${identity.token(UserService.typeName)}`,
      onBehalfOf: `Bearer ${await token()}`,
    });
    expect(caller).toMatchObject({ kind: "service", id: "order", onBehalfOf: { kind: "user", id: "1" } });
  });

  test("calls without a user if the user's token has expired, or is a service's", async () => {
    const identity = createServiceIdentity("order", { privateKey: serviceJwk, clock: systemClock });
    for (const token of [userToken(forger, { exp: inSeconds(-1) }), identity.token(UserService.typeName)]) {
      const caller = await decide(authorize, {
        method: UserService.method.validateUser,
        message: create(ValidateUserRequestSchema, { userId: "1" }),
        authorization: `Bearer ${identity.token(UserService.typeName)}`,
        onBehalfOf: `Bearer ${token}`,
      });
      expect(caller).toMatchObject({ kind: "service", id: "order" });
      expect(caller?.onBehalfOf).toBeUndefined();
    }
  });

  test.each([
    ["its own token for another contract", () => identityOfOrder().token("product.v1.InventoryService")],
    ["its token as a gateway", () => identityOfOrder().forwarderToken(UserService.typeName)],
    ["a token for another platform", () => serviceToken(orderKey(), { aud: ["elsewhere"] })],
    ["a token without an audience", () => serviceToken(orderKey(), { aud: undefined })],
    ["a token of another type", () => serviceToken(orderKey(), {}, { typ: "JWT" })],
    ["a token without a type", () => serviceToken(orderKey(), {}, { typ: undefined })],
  ])("is refused with %s", async (_what, forge) => {
    const call = { message: create(ValidateUserRequestSchema, { userId: "1" }), onBehalfOf: undefined };
    const question = { ...call, method: UserService.method.validateUser, authorization: `Bearer ${forge()}` };
    expect(await codeOf(decide(authorize, question))).toBe(Code.Unauthenticated);
  });

  test("of an earlier release, whose token names the platform only, is still accepted", async () => {
    const call = { message: create(ValidateUserRequestSchema, { userId: "1" }), onBehalfOf: undefined };
    const token = serviceToken(orderKey(), { aud: tokenAudience });
    const question = { ...call, method: UserService.method.validateUser, authorization: `Bearer ${token}` };
    expect(await decide(authorize, question)).toMatchObject({ kind: "service", id: "order" });
  });

  function identityOfOrder() {
    return createServiceIdentity("order", { privateKey: serviceJwk, clock: systemClock });
  }
  function orderKey() {
    return { ...testKey("order/1"), key: createPrivateKey({ key: { ...serviceJwk }, format: "jwk" }) };
  }

  test("cannot authenticate as another with its own key", async () => {
    const message = create(ValidateUserRequestSchema, { userId: "1" });
    const order = { ...testKey("order/1"), key: createPrivateKey({ key: { ...serviceJwk }, format: "jwk" }) };
    expect(await codeOf(ask(UserService.method.validateUser, message, serviceToken(order)))).toBe("allowed");
    expect(await codeOf(ask(UserService.method.validateUser, message, serviceToken(order, { sub: "user" })))).toBe(
      Code.Unauthenticated,
    );
  });

  test("gets UNAVAILABLE while the keys cannot be fetched", async () => {
    keysAreThere = false;
    expect(await codeOf(ask(createOrder, orderOf1, userToken(forger, { jti: "new" })))).toBe(Code.Unavailable);
  });

  test("alone may call a service's method", async () => {
    const message = create(ValidateUserRequestSchema, { userId: "1" });
    const admin = await token({ role: "admin" });
    expect(await codeOf(ask(UserService.method.validateUser, message, admin))).toBe(Code.PermissionDenied);
  });
});
