import { type Environment, systemEnvironment } from "@parley/rpc";

/** The HTTP/2 implementation under test: `--http2` of `npm run interop`, passed in the variable that services read. */
export function testedHttp2(): "own" | "node" {
  return process.env.HTTP2_IMPLEMENTATION === "node" ? "node" : "own";
}

/** The environment of the servers and clients under test. */
export function interopEnvironment(): Environment {
  const environment = systemEnvironment({ name: "interop", logLevel: "silent", logFormat: "json" });
  return { ...environment, http2: testedHttp2() };
}
