import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { publicServices } from "@parley/gen/public-services.js";
import { bearer, type TokenSource } from "./bearer.ts";
import { createFetchTransport } from "./fetch-transport.ts";

export interface ParleyClientOptions {
  /** The gateway's URL, for example `http://localhost:8080`. */
  readonly baseUrl: string;
  /** The caller's token: the `access_token` that `users.login` returns. Without it, only public methods can be called. */
  readonly token?: TokenSource;
  /** The timeout of a unary call without a `timeoutMs` of its own. 10 seconds by default. Streams have no timeout. */
  readonly defaultTimeoutMs?: number;
  /**
   * Creates another transport than `fetch`: gRPC or HTTP/2 with `@connectrpc/connect-node`, gRPC-Web with `@connectrpc/connect-web`. It receives
   * the base URL, and the interceptors to install.
   */
  readonly transport?: (options: { readonly baseUrl: string; readonly interceptors: Interceptor[] }) => Transport;
}

/**
 * A typed client for each public service: `users`, `orders` and so on, as the contracts' `rpc.v1.client_property` names them. Failed calls throw a
 * `ConnectError` with code and details.
 */
export type ParleyClient = {
  readonly [Property in keyof typeof publicServices]: Client<(typeof publicServices)[Property]>;
};

/**
 * Creates the clients of all services behind one gateway. It connects on the first call.
 *
 * @throws TypeError if `baseUrl` is not an absolute http or https URL.
 */
export function createParleyClient({
  baseUrl,
  token,
  defaultTimeoutMs = 10_000,
  transport = createFetchTransport,
}: ParleyClientOptions): ParleyClient {
  const { protocol } = new URL(baseUrl);
  if (protocol !== "http:" && protocol !== "https:") {
    throw new TypeError(`baseUrl must begin with http: or https:, not ${protocol}`);
  }
  const interceptors = token === undefined ? [] : [bearer(token)];
  const plain = transport({ baseUrl: baseUrl.replace(/\/+$/, ""), interceptors });
  const wire = withTimeouts(plain, defaultTimeoutMs);
  const clients = Object.entries(publicServices).map(([property, service]) => [property, createClient(service, wire)]);
  return Object.fromEntries(clients) as ParleyClient;
}

/** The longest delay of a timer. A timer with a longer one fires at once, and Connect does not limit timeouts. */
const timerMaxMs = 2 ** 31 - 1;

/**
 * Unlike a transport's own default timeout, this one excludes streams: a Watch call may stay open indefinitely. A longer timeout than
 * 24.8 days, the maximum of a timer, is reduced to it.
 */
function withTimeouts(transport: Transport, defaultTimeoutMs: number): Transport {
  return {
    unary: (method, signal, timeoutMs = defaultTimeoutMs, ...rest) =>
      transport.unary(method, signal, Math.min(timeoutMs, timerMaxMs), ...rest),
    stream: (method, signal, timeoutMs, ...rest) =>
      transport.stream(method, signal, timeoutMs === undefined ? undefined : Math.min(timeoutMs, timerMaxMs), ...rest),
  };
}
