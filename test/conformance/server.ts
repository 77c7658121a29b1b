import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { systemEnvironment } from "@parley/rpc";
import { serve, type TlsConfig } from "@parley/rpc/server";
import { conformanceService } from "./conformance-service.ts";
import { loadContract, type ServerRequest } from "./contract.ts";
import { readDelimited, writeDelimited } from "./delimited.ts";

/** The server under test: reads its configuration, serves, reports its address, and runs until it is stopped. */
async function main(): Promise<void> {
  const contract = await loadContract();
  for await (const bytes of readDelimited(process.stdin)) {
    const wanted = fromBinary(contract.message("ServerCompatRequest"), bytes) as unknown as ServerRequest;
    const folder = await mkdtemp(join(tmpdir(), "parley-conformance-"));
    const { port } = await serve(
      { entries: [conformanceService(contract)] },
      {
        name: "conformance",
        environment: systemEnvironment({ name: "conformance", logLevel: "silent", logFormat: "json" }),
        registry: contract.registry,
        config: {
          ...(wanted.useTls ? { tls: await writeCredentials(folder, wanted) } : {}),
          rpcPath: process.env.RPC_PATH === "stock" ? "stock" : "own",
          http2: process.env.HTTP2_IMPLEMENTATION === "node" ? "node" : "own",
          // The suite sends its own timeouts, and checks that calls without one have no deadline.
          limits: { unaryTimeoutMs: Number.POSITIVE_INFINITY, ...receiveLimit(wanted) },
          compressBytesMin: 1,
          // The suite requires minimal errors for malformed requests.
          explainErrors: false,
        },
      },
    );
    await rm(folder, { recursive: true, force: true });
    const response = contract.message("ServerCompatResponse");
    const pemCert = wanted.serverCreds?.cert ?? new Uint8Array();
    writeDelimited(process.stdout, toBinary(response, create(response, { host: "127.0.0.1", port, pemCert } as never)));
    return;
  }
}

function receiveLimit({ messageReceiveLimit }: ServerRequest): { readonly requestBytesMax?: number } {
  return messageReceiveLimit === 0 ? {} : { requestBytesMax: messageReceiveLimit };
}

async function writeCredentials(folder: string, wanted: ServerRequest): Promise<TlsConfig> {
  const files = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  await writeFile(files.certFile, wanted.serverCreds?.cert ?? "");
  await writeFile(files.keyFile, wanted.serverCreds?.key ?? "");
  if (wanted.clientTlsCert.length === 0) {
    return files;
  }
  const caFile = join(folder, "ca.pem");
  await writeFile(caFile, wanted.clientTlsCert);
  return { ...files, caFile };
}

process.once("SIGTERM", () => process.exit(0));
await main();
