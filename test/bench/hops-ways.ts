import { Agent, request } from "node:http";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { Client, credentials } from "@grpc/grpc-js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";

/** A way for a Node application to make a call. */
export interface Way {
  readonly name: string;
  call(): Promise<unknown>;
}

/** The addresses of the measured processes. */
export interface Places {
  readonly user: string;
  readonly product: string;
  readonly gateway: string;
}

/** The same read, directly and through the gateway. GetUser always reaches the service; the gateway caches GetProduct briefly. */
export function waysTo({ user, product, gateway }: Places): readonly Way[] {
  const environment = systemEnvironment({ name: "bench", logLevel: "silent", logFormat: "json" });
  const direct = createServiceClient(UserService, user, { environment });
  const passedOn = createServiceClient(UserService, gateway, { environment });
  const json = createClient(UserService, createConnectTransport({ baseUrl: gateway, httpVersion: "1.1" }));
  const directProduct = createServiceClient(ProductService, product, { environment });
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  return [
    { name: directGrpcJs, call: grpcJsGetUser(user) },
    { name: directRpc, call: () => direct.getUser({ userId: "1" }) },
    { name: directHttp, call: () => ask(agent, `${user}/user.v1.UserService/GetUser`, '{"userId":"1"}') },
    { name: gatewayRpc, call: () => passedOn.getUser({ userId: "1" }) },
    { name: "Connect through the gateway", call: () => json.getUser({ userId: "1" }) },
    { name: gatewayRest, call: () => ask(agent, `${gateway}/users/1`) },
    { name: "direct RPC, product", call: () => directProduct.getProduct({ productId: "101" }) },
    { name: "REST through the gateway, product (kept)", call: () => ask(agent, `${gateway}/products/101`) },
  ];
}

/** One hop with grpc-js, the most common client on Node. */
export const directGrpcJs = "direct RPC, grpc-js";
/** One hop with Parley's client, which needs less than half of that. */
export const directRpc = "direct RPC";
/** One hop with the client of the REST calls, `node:http`, which sends Connect's JSON. */
export const directHttp = "direct RPC, node:http";
export const gatewayRpc = "RPC through the gateway";
export const gatewayRest = "REST through the gateway";

function grpcJsGetUser(url: string): () => Promise<unknown> {
  const client = new Client(new URL(url).host, credentials.createInsecure());
  const { input, output, name, parent } = UserService.method.getUser;
  const request = create(input, { userId: "1" });
  return () =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/${parent.typeName}/${name}`,
        (message: typeof request) => Buffer.from(toBinary(input, message)),
        (bytes: Buffer) => fromBinary(output, bytes),
        request,
        { deadline: Date.now() + 5_000 },
        (error, answer) => (answer === undefined ? reject(error) : resolve(answer)),
      );
    });
}

/** Sends a GET, or a POST if there is a body. */
function ask(agent: Agent, url: string, body?: string): Promise<unknown> {
  const post = { method: "POST", headers: { "content-type": "application/json", "content-length": body?.length } };
  return new Promise((resolve, reject) => {
    request(url, { agent, ...(body === undefined ? {} : post) }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => {
        text += chunk;
      });
      answer.on("end", () => {
        if (answer.statusCode === 200) {
          resolve(JSON.parse(text));
        } else {
          reject(new Error(`${url} answered ${answer.statusCode}: ${text}`));
        }
      });
    })
      .on("error", reject)
      .end(body);
  });
}
