import { expect, test } from "vitest";
import type { Caller } from "../../call/call-context.ts";
import type { AdmittedCall } from "./admitted-call.ts";
import { MethodPace } from "./method-pace.ts";
import { HolderTable } from "./place-holders.ts";

const gateway = {};
const runtime = { placeKind: "unary" as const, pace: new MethodPace({ queueTimeMaxMs: 1_000 }) };

interface From {
  readonly connection?: object;
  readonly peer?: string;
  readonly forwarded?: string;
  readonly caller?: Caller;
  readonly forwardedFor?: string;
}

function call({ connection, peer = "192.0.2.1", forwarded, caller, forwardedFor }: From): AdmittedCall {
  const incoming = { connection, peer, header: () => forwarded };
  return { runtime, placeHolders: undefined, caller, forwardedFor, incoming };
}

const user = (id: string): Caller => ({ kind: "user", id });
const service: Caller = { kind: "service", id: "order" };

test("a caller is the user, or else the address, of IPv6 the network", () => {
  const table = new HolderTable({ believesForwarded: false });
  const of = (from: From) => table.of(call(from)).caller;
  expect(of({ caller: user("1"), peer: "192.0.2.7" })).toBe(of({ caller: user("1") }));
  expect(of({ caller: user("1") })).not.toBe(of({ caller: user("2") }));
  expect(of({ peer: "2001:db8::1" })).toBe(of({ peer: "2001:db8::2", connection: {} }));
  expect(of({ peer: "192.0.2.1" })).not.toBe(of({ peer: "192.0.2.2" }));
  // A forwarded address counts where it was proved, and not where it is only said.
  expect(of({ connection: gateway, forwardedFor: "192.0.2.9" })).toBe(of({ peer: "192.0.2.9" }));
  expect(of({ peer: "127.0.0.1", forwarded: "192.0.2.9" })).toBe(of({ peer: "127.0.0.1" }));
});

test("a service of the platform is held to no share; the user that it calls for is", () => {
  const table = new HolderTable({ believesForwarded: false });
  expect(table.of(call({ connection: gateway, caller: service }))).toEqual({
    connection: undefined,
    caller: undefined,
  });
  const onBehalf = table.of(call({ connection: gateway, caller: { ...service, onBehalfOf: user("1") } }));
  expect(onBehalf.connection).toBeUndefined();
  expect(onBehalf.caller).toBe(table.of(call({ caller: user("1") })).caller);
});

test("without sign-in only a gateway on this machine may name its caller", () => {
  const table = new HolderTable({ believesForwarded: true });
  const local = (forwarded?: string) =>
    table.of(call({ connection: gateway, peer: "127.0.0.1", ...(forwarded && { forwarded }) }));
  expect(local("192.0.2.9").caller).not.toBe(local("192.0.2.8").caller);
  // What the client claimed itself comes first.
  expect(local("192.0.2.8, 192.0.2.9").caller).toBe(local("192.0.2.9").caller);
  // It is still one connection.
  expect(local("192.0.2.9").connection).toBe(local().connection);
  expect(table.of(call({ peer: "192.0.2.1", forwarded: "192.0.2.9" })).caller).toBe(table.of(call({})).caller);
});
