import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { afterEach, expect, test } from "vitest";
import { type EchoServer, StreamService, serveEcho } from "../../echo-fixture.ts";
import { implementPartly } from "../../pipeline/service-module.ts";
import type { ServeOptions } from "../../serve.ts";

let server: EchoServer | undefined;
const sessions: ClientHttp2Session[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) {
    session.destroy();
  }
  await server?.server.close();
});

interface SlowServer {
  readonly max: number;
  readonly sharePercent: number;
  readonly authorize?: ServeOptions["authorize"];
}

/** A server whose calls last until `end`. */
async function serveSlowly({ max, sharePercent, authorize }: SlowServer) {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const say = async () => {
    await ended;
    return {};
  };
  async function* repeat() {
    await ended;
    yield {};
  }
  const limits = { callsMax: max, callsSharePercent: sharePercent, streamsMax: max, streamsSharePercent: sharePercent };
  server = await serveEcho({
    entries: [implementPartly(StreamService, { say, repeat } as never)],
    config: { drainNoticeMs: 0, limits: { ...limits, unaryTimeoutMs: 120_000 } },
    ...(authorize && { authorize }),
  });
  return end;
}

function open(): ClientHttp2Session {
  const session = connect(server?.url ?? "");
  sessions.push(session);
  return session;
}

/** The gRPC status of a call with an empty request. */
async function call(session: ClientHttp2Session, headers: Record<string, string> = {}): Promise<string | undefined> {
  const stream = session.request({
    ":method": "POST",
    ":path": "/test.v1.StreamService/Say",
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  stream.end(Buffer.alloc(5));
  let status: string | undefined;
  for (const event of ["response", "trailers"]) {
    stream.on(event, (fields: Record<string, string>) => {
      status = fields["grpc-status"] ?? status;
    });
  }
  stream.resume();
  await once(stream, "close");
  return status;
}

async function taken(count: number, budget = "unary"): Promise<void> {
  const line = new RegExp(`^parley_server_places_taken\\{budget="${budget}"\\} ${count}$`, "m");
  await expect.poll(() => server?.environment.metrics.metrics(), { timeout: 10_000 }).toMatch(line);
}

const shed = async (reason: string) =>
  new RegExp(`shed_by_reason_total\\{reason="${reason}"\\} (\\d+)`).exec(
    (await server?.environment.metrics.metrics()) ?? "",
  )?.[1];

const calls = [
  ["a unary call over gRPC", "Say", "application/grpc"],
  ["a unary call over gRPC-Web", "Say", "application/grpc-web+proto"],
  ["a unary call over Connect", "Say", "application/json"],
  ["a stream over gRPC", "Repeat", "application/grpc"],
  ["a stream over Connect", "Repeat", "application/connect+json"],
] as const;

test.each(calls)(
  "%s above its connection's share is refused from its headers, without an access log line",
  async (_name, method, type) => {
    const end = await serveSlowly({ sharePercent: 50, max: 8 });
    const session = open();
    const path = `/test.v1.StreamService/${method}`;
    const held = Array.from({ length: 4 }, () => call(session, { ":path": path }));
    await taken(4, method === "Say" ? "unary" : "streams");
    const refused = { ":path": path, "content-type": type };
    await Promise.all([call(session, refused), call(session, { ...refused, authorization: "Bearer token" })]);
    expect(server?.calls()).toEqual([]);
    expect(await shed("connection-share")).toBe("2");
    end();
    expect(new Set(await Promise.all(held))).toEqual(new Set(["0"]));
  },
);

test("a call above its address's share is refused from its headers, unless its credentials may name another caller", async () => {
  const end = await serveSlowly({ max: 40, sharePercent: 50 });
  const connections = Array.from({ length: 4 }, open);
  const held = connections.flatMap((session) => Array.from({ length: 5 }, () => call(session)));
  await taken(20);
  const [session] = connections as [ClientHttp2Session];
  expect(await call(session)).toBe("8");
  expect(server?.calls()).toEqual([]);
  expect(await shed("caller-share")).toBe("1");
  // This server checks no tokens, so the call is the address's after all.
  expect(await call(session, { authorization: "Bearer token" })).toBe("8");
  expect(server?.calls()).toMatchObject([{ code: "RESOURCE_EXHAUSTED" }]);
  end();
  expect(new Set(await Promise.all(held))).toEqual(new Set(["0"]));
});

test("a call above its user's share is refused from its headers, once the connection had a call with the same token", async () => {
  const identified: string[] = [];
  const end = await serveSlowly({
    max: 40,
    sharePercent: 50,
    authorize: {
      identify: async ({ incoming }) => {
        const id = incoming.header("authorization")?.slice("Bearer ".length) ?? "";
        identified.push(id);
        return { kind: "user", id };
      },
      permit: () => undefined,
      admit: async () => {},
      checkOwner: () => undefined,
    },
  });
  const ann = { authorization: "Bearer ann" };
  // No connection reaches its own share.
  const connections = Array.from({ length: 4 }, open);
  const held = connections.flatMap((session) => Array.from({ length: 5 }, () => call(session, ann)));
  await taken(20);
  const before = identified.length;
  const [first, second] = connections as [ClientHttp2Session, ClientHttp2Session];
  expect(await call(first, ann)).toBe("8");
  expect(await call(second, ann)).toBe("8");
  expect([identified.length - before, server?.calls(), await shed("caller-share")]).toEqual([0, [], "2"]);
  // Another user on the same connection has places, and so has a call that a gateway may have forwarded.
  held.push(call(first, { authorization: "Bearer bob" }));
  await taken(21);
  expect(await call(second, { ...ann, "x-forwarded-for": "192.0.2.1" })).toBe("8");
  expect(identified.slice(before)).toEqual(["bob", "ann"]);
  end();
  expect(new Set(await Promise.all(held))).toEqual(new Set(["0"]));
});
