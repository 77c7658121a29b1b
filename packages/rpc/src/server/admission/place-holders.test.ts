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

test("the caller is the user, or without one the IPv4 address or the IPv6 /64 prefix", () => {
  const table = new HolderTable({ trustsForwarded: false });
  const of = (from: From) => table.of(call(from)).caller;
  expect(of({ caller: user("1"), peer: "192.0.2.7" })).toBe(of({ caller: user("1") }));
  expect(of({ caller: user("1") })).not.toBe(of({ caller: user("2") }));
  expect(of({ peer: "2001:db8::1" })).toBe(of({ peer: "2001:db8::2", connection: {} }));
  expect(of({ peer: "192.0.2.1" })).not.toBe(of({ peer: "192.0.2.2" }));
  // A forwarded address counts if an authenticated gateway sent it. A mere x-forwarded-for header does not.
  expect(of({ connection: gateway, forwardedFor: "192.0.2.9" })).toBe(of({ peer: "192.0.2.9" }));
  expect(of({ peer: "127.0.0.1", forwarded: "192.0.2.9" })).toBe(of({ peer: "127.0.0.1" }));
});

test("a service of the platform has no share limit, but the user that it calls for has", () => {
  const table = new HolderTable({ trustsForwarded: false });
  expect(table.of(call({ connection: gateway, caller: service }))).toEqual({
    connection: undefined,
    caller: undefined,
  });
  const onBehalf = table.of(call({ connection: gateway, caller: { ...service, onBehalfOf: user("1") } }));
  expect(onBehalf.connection).toBeUndefined();
  expect(onBehalf.caller).toBe(table.of(call({ caller: user("1") })).caller);
});

test("without authentication, x-forwarded-for counts from loopback addresses only", () => {
  const table = new HolderTable({ trustsForwarded: true });
  const local = (forwarded?: string) =>
    table.of(call({ connection: gateway, peer: "127.0.0.1", ...(forwarded && { forwarded }) }));
  expect(local("192.0.2.9").caller).not.toBe(local("192.0.2.8").caller);
  // The client can forge the first entries, so the last one counts.
  expect(local("192.0.2.8, 192.0.2.9").caller).toBe(local("192.0.2.9").caller);
  // The connection's own share still applies.
  expect(local("192.0.2.9").connection).toBe(local().connection);
  expect(table.of(call({ peer: "192.0.2.1", forwarded: "192.0.2.9" })).caller).toBe(table.of(call({})).caller);
});

test("the user of a connection's last call is known by its authorization header alone", () => {
  const table = new HolderTable({ trustsForwarded: false });
  const connection = {};
  const by = (id: string, authorization: string) =>
    table.of(call({ connection, caller: user(id), forwarded: authorization }));
  expect(table.ofUser(connection, "Bearer one")).toBeUndefined();
  const first = by("1", "Bearer one");
  expect(table.ofUser(connection, "Bearer one")).toEqual(first);
  expect(table.ofUser(connection, "Bearer two")).toBeUndefined();
  expect(table.ofUser({}, "Bearer one")).toBeUndefined();
  const second = by("2", "Bearer two");
  expect(table.ofUser(connection, "Bearer two")).toEqual(second);
  expect(table.ofUser(connection, "Bearer one")).toBeUndefined();
  // A call without a user names none.
  table.of(call({ connection, forwarded: "Bearer three" }));
  expect(table.ofUser(connection, "Bearer three")).toBeUndefined();
});
