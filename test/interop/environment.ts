import { type Environment, systemEnvironment } from "@parley/rpc";

/** Whose HTTP/2 our side uses: `--http2` of `npm run interop`, handed on as services read it. */
export function testedHttp2(): "own" | "node" {
  return process.env.HTTP2_IMPLEMENTATION === "node" ? "node" : "own";
}

/** The environment of the servers and clients under test. */
export function interopEnvironment(): Environment {
  const environment = systemEnvironment({ name: "interop", logLevel: "silent", logFormat: "json" });
  return { ...environment, http2: testedHttp2() };
}
