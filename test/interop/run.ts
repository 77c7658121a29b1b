import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type CaseName, type CaseResults, furtherCases, interopCases } from "./cases.ts";
import { runClientCases } from "./client-cases.ts";
import { buildContract, loadContract } from "./contract.ts";
import { testedHttp2 } from "./environment.ts";
import { runH2spec } from "./h2spec.ts";
import { runGoCases, runGrpcioCases } from "./peer-cases.ts";
import { goPeer, grpcioPython, h2spec, here, machineProgram, type Program, startServer } from "./programs.ts";
import { Results } from "./results.ts";
import { haproxy, nginx } from "./rolling/proxies.ts";
import { describeLost, rollingRestarts } from "./rolling/rolling.ts";
import { serveTestService } from "./server.ts";
import { createCertificate } from "./tls.ts";
import { openGateway } from "./unknown/gateway.ts";
import {
  type CallUnknown,
  unknownByGrpcGo,
  unknownByGrpcio,
  unknownByGrpcJs,
  unknownByGrpcurl,
  unknownMethods,
} from "./unknown/unknown-methods.ts";

/**
 * `npm run interop`: HTTP/2 and gRPC of other projects against packages/rpc, as a server and as a client. Prints a table for
 * each suite; the last line is `N passed, N failed`. `-- --soak-iterations 1000 --rounds 20` is the nightly form;
 * `-- --only h2spec,unknown` runs some suites; `-- --http2 node` uses `node:http2` on Parley's side (HTTP2_IMPLEMENTATION).
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      "soak-iterations": { type: "string", default: "10" },
      rounds: { type: "string", default: "2" },
      only: { type: "string" },
      http2: { type: "string", default: "own" },
    },
  });
  const soakIterations = Number(values["soak-iterations"]);
  const rounds = Number(values.rounds);
  if (!["own", "node"].includes(values.http2)) {
    console.error("--http2 takes own or node");
    return 2;
  }
  process.env.HTTP2_IMPLEMENTATION = values.http2;
  const names = values.only?.split(",") ?? Object.keys(suites);
  const wrong = names.find((name) => !(name in suites));
  if (wrong !== undefined || !Number.isSafeInteger(soakIterations) || soakIterations < 1 || !(rounds >= 1)) {
    console.error(
      `--only takes ${Object.keys(suites).join(", ")} with commas between; --soak-iterations and --rounds whole numbers`,
    );
    return 2;
  }
  const folder = await mkdtemp(join(tmpdir(), "parley-interop-"));
  const results = new Results();
  try {
    const contractFile = join(folder, "contract.binpb");
    await buildContract(contractFile);
    for (const name of names) {
      const { title, run } = suites[name as keyof typeof suites];
      await run({ title, results, folder, contractFile, soakIterations, rounds });
      console.log(
        [`\n${title}`, results.table(title), results.reasons(title)].filter((text) => text !== "").join("\n"),
      );
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const leftOut = results.count("left out");
  console.log(leftOut === 0 ? "" : `\n${leftOut} left out, see above`);
  console.log(`${results.count("passed")} passed, ${results.count("failed")} failed`);
  return results.count("failed") === 0 ? 0 : 1;
}

interface Run {
  readonly title: string;
  readonly results: Results;
  readonly folder: string;
  readonly contractFile: string;
  readonly soakIterations: number;
  /** The number of restarts of each backend behind a proxy. */
  readonly rounds: number;
}

const suites = {
  h2spec: { title: "h2spec, against our server", run: runConnections },
  grpc: { title: "gRPC interop cases, client → server", run: runCases },
  unknown: { title: "An unknown method is UNIMPLEMENTED", run: runUnknown },
  rolling: { title: "Rolling restarts behind a proxy lose no call", run: runRolling },
} as const;

async function runConnections({ title, results, folder, contractFile }: Run): Promise<void> {
  if (testedHttp2() === "node") {
    results.leaveOut(title, {
      name: "all tests",
      peer: "node:http2",
      why: "of its 145 tests Node's own HTTP/2 fails 9",
    });
    return;
  }
  const program = await h2spec();
  const contract = await loadContract(contractFile);
  for (const peer of ["cleartext", "TLS"]) {
    const tls = peer === "TLS" ? await createCertificate(folder) : undefined;
    const missing =
      missingOf(program) ?? (peer === "TLS" && tls === undefined ? "openssl is not installed" : undefined);
    if (missing !== undefined || "missing" in program) {
      results.leaveOut(title, { name: "all tests", peer, why: missing ?? "" });
      continue;
    }
    const { totals, problem } = await runH2spec(program.path, contract, tls);
    results.add(title, { name: totals, peer, problem });
  }
}

async function runCases({ title, results, folder, contractFile, soakIterations }: Run): Promise<void> {
  const [go, python, contract] = await Promise.all([goPeer(), grpcioPython(), loadContract(contractFile)]);
  const all: readonly CaseName[] = [...interopCases, ...furtherCases];
  const tls = await createCertificate(folder);

  async function column(
    peer: string,
    names: readonly CaseName[],
    run: (() => Promise<CaseResults>) | { readonly missing: string },
  ) {
    const found = typeof run === "function" ? await run() : undefined;
    for (const name of names) {
      if (typeof run === "function") {
        results.add(title, { name, peer, problem: found?.get(name) });
      } else {
        results.leaveOut(title, { name, peer, why: run.missing });
      }
    }
  }

  const plain = await serveTestService(contract);
  const secure = tls === undefined ? undefined : await serveTestService(contract, tls);
  const at = (server: { readonly port: number }) => ({ address: `127.0.0.1:${server.port}`, soakIterations });
  try {
    await column("ours → ours", all, () => runClientCases(all, { url: plain.url, contract, soakIterations }));
    await column(
      "grpc-go → ours",
      interopCases,
      "missing" in go ? go : () => runGoCases(go.path, interopCases, at(plain)),
    );
    await column(
      "grpc-go → ours, TLS",
      interopCases,
      "missing" in go
        ? go
        : secure === undefined
          ? { missing: "openssl is not installed" }
          : () => runGoCases(go.path, interopCases, { ...at(secure), caFile: tls?.certFile ?? "" }),
    );
    await column(
      "grpcio → ours",
      all,
      "missing" in python ? python : () => runGrpcioCases(python.path, all, { ...at(plain), contractFile }),
    );
  } finally {
    await Promise.all([plain.close(), secure?.close()]);
  }
  const towards = (path: string, args: readonly string[], names: readonly CaseName[]) => async () => {
    const server = await startServer(path, args);
    try {
      return await runClientCases(names, { url: `http://127.0.0.1:${server.port}`, contract, soakIterations });
    } finally {
      await server.stop();
    }
  };
  // grpc-go's server fails no unary call that a stream case of ours asks it to fail, and has no gzip unless it is built in.
  await column("ours → grpc-go", interopCases, "missing" in go ? go : towards(go.path, ["-serve"], interopCases));
  const grpcioServer = [here("grpcio/server.py"), contractFile];
  await column("ours → grpcio", all, "missing" in python ? python : towards(python.path, grpcioServer, all));
  await column(
    "ours → grpcio, gzip unasked",
    all,
    "missing" in python ? python : towards(python.path, [...grpcioServer, "gzip"], all),
  );
}

async function runUnknown({ title, results, contractFile }: Run): Promise<void> {
  const [grpcurl, go, python] = await Promise.all([machineProgram("grpcurl"), goPeer(), grpcioPython()]);
  const peers: Readonly<Record<string, CallUnknown | { readonly missing: string }>> = {
    grpcurl: "missing" in grpcurl ? grpcurl : unknownByGrpcurl(grpcurl.path),
    grpcio: "missing" in python ? python : unknownByGrpcio(python.path, contractFile),
    "grpc-go": "missing" in go ? go : unknownByGrpcGo(go.path),
    "grpc-js": unknownByGrpcJs("unary"),
    "grpc-js, stream": unknownByGrpcJs("stream"),
  };
  const gateway = await openGateway();
  try {
    for (const [what, method] of Object.entries(unknownMethods)) {
      for (const place of ["service", "gateway"] as const) {
        const name = `${what} at a ${place}`;
        for (const [peer, call] of Object.entries(peers)) {
          if (typeof call === "object") {
            results.leaveOut(title, { name, peer, why: call.missing });
            continue;
          }
          const code = await call(gateway[place], method);
          results.add(title, {
            name,
            peer,
            problem: code === "UNIMPLEMENTED" ? undefined : `expected UNIMPLEMENTED, got ${code}`,
          });
        }
      }
    }
  } finally {
    await gateway.close();
  }
}

async function runRolling({ title, results, rounds }: Run): Promise<void> {
  for (const [peer, proxy] of Object.entries({ nginx, haproxy })) {
    const program = await machineProgram(peer);
    for (const protocol of ["HTTP/1.1", "gRPC"] as const) {
      if ("missing" in program) {
        results.leaveOut(title, { name: protocol, peer, why: program.missing });
        continue;
      }
      const report = await rollingRestarts({ proxy, path: program.path, protocol, rounds });
      const { answered, lost, restarts } = report;
      console.log(
        `  ${protocol} behind ${peer}: ${restarts} restarts, ${answered} calls answered, ${lost.length} lost`,
      );
      results.add(title, { name: protocol, peer, problem: lost.length === 0 ? undefined : describeLost(report) });
    }
  }
}

function missingOf(program: Program): string | undefined {
  return "missing" in program ? program.missing : undefined;
}

process.exitCode = await main();
