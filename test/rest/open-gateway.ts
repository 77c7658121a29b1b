import { createGatewayModule, type GatewayModuleOptions } from "@parley/gateway";
import { systemEnvironment } from "@parley/rpc";
import { serve } from "@parley/rpc/server";
import { connectInMemory } from "@parley/rpc/testing";
import { createInMemoryPlatform, type Platform } from "../platform.ts";

/** The gateway on its own port, with the real services behind it. */
export interface OpenGateway extends AsyncDisposable {
  readonly url: string;
  readonly platform: Platform;
  /** Sends a request, and returns status, headers and the JSON body. */
  ask(request: string, options?: AskOptions): Promise<Asked>;
}

export interface AskOptions {
  /** Sent as JSON. A string is sent unchanged. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Asked {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what a test is about
  readonly body: any;
}

/** Starts a gateway for the user, product and order services, which run in this process. */
export async function openGateway(options: Partial<GatewayModuleOptions> = {}): Promise<OpenGateway> {
  const platform = await createInMemoryPlatform();
  const environment = systemEnvironment({ name: "gateway", logLevel: "silent" });
  const { user, product, order } = platform.modules;
  const backends = {
    user: connectInMemory(user, environment),
    product: connectInMemory(product, environment),
    order: connectInMemory(order, environment),
    ...options.backends,
  };
  const module = createGatewayModule({ environment, requestsPerMinuteMax: 0, ...options, backends });
  const config = { drainNoticeMs: 1, shutdownGraceMs: 2_000 };
  const server = await serve(module, { name: "gateway", environment, config });
  return {
    url: server.url,
    platform,
    async ask(request, { body, headers = {} } = {}) {
      const [method = "", path = ""] = request.split(" ");
      const sent = typeof body === "string" ? body : JSON.stringify(body);
      const response = await fetch(`${server.url}${path}`, {
        method,
        headers: { ...(sent === undefined ? {} : { "content-type": "application/json" }), ...headers },
        ...(sent === undefined ? {} : { body: sent }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await platform.stop();
    },
  };
}

/** The reason of an AIP-193 error. */
export function reasonOf({ body }: Asked): string | undefined {
  return body?.error?.details?.[0]?.reason;
}
