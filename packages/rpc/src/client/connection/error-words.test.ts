import { describe, expect, it } from "vitest";
import { errorWords } from "./error-words.ts";

const coded = (code: string, message = "raw", more: object = {}) =>
  Object.assign(new Error(message), { code, ...more });

describe("the reason why a connection could not be made", () => {
  it.each([
    [
      coded("ECONNREFUSED", "connect ECONNREFUSED", { address: "127.0.0.1", port: 1 }),
      "connection refused by 127.0.0.1:1",
    ],
    [coded("ECONNREFUSED", "connect ECONNREFUSED", { address: "::1", port: 1 }), "connection refused by [::1]:1"],
    [coded("ENOTFOUND", "getaddrinfo ENOTFOUND", { hostname: "nowhere.test" }), "nowhere.test cannot be resolved"],
    [coded("EPROTO", "write EPROTO 0A00010B:SSL routines::wrong version number"), "the server did not answer in TLS"],
    [
      coded("ERR_SSL_PACKET_LENGTH_TOO_LONG", "SSL routines::packet length too long"),
      "the server did not answer in TLS",
    ],
    [
      coded("ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", "SSL routines::sslv3 alert handshake failure"),
      "the server ended the TLS handshake: handshake failure",
    ],
    [coded("DEPTH_ZERO_SELF_SIGNED_CERT"), "not signed by an authority that this client trusts"],
    [coded("CERT_HAS_EXPIRED"), "the server's certificate has expired"],
    [coded("ERR_TLS_CERT_ALTNAME_INVALID"), "for another host name"],
    [new AggregateError([coded("ECONNRESET"), coded("ECONNRESET"), coded("ETIMEDOUT")]), "; connection timed out"],
  ])("%s", (error, words) => {
    const said = errorWords(error);
    expect(said).toContain(words);
    expect(said).not.toMatch(/\braw\b|SSL routines|EPROTO|ERR_/);
  });
});
