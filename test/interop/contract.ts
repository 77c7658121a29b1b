import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createFileRegistry, type DescService, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** gRPC's interop contract, compiled by `buf build`. The types below cover the fields that the cases use. */
export interface InteropContract {
  /** `grpc.testing.TestService`. */
  readonly testService: DescService;
  /** `grpc.testing.UnimplementedService`, which no server implements. */
  readonly unimplementedService: DescService;
}

const protoFolder = fileURLToPath(new URL("proto", import.meta.url));

/** Compiles the contract to a descriptor file, which programs in other languages read too. */
export async function buildContract(file: string): Promise<void> {
  await promisify(execFile)("buf", ["build", protoFolder, "-o", file]);
}

/** Reads the output of {@link buildContract}. */
export async function loadContract(file: string): Promise<InteropContract> {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, await readFile(file)));
  const service = (name: string) => {
    const found = registry.getService(`grpc.testing.${name}`);
    if (found === undefined) {
      throw new Error(`${file} has no service grpc.testing.${name}`);
    }
    return found;
  };
  return { testService: service("TestService"), unimplementedService: service("UnimplementedService") };
}

export interface Payload {
  readonly body: Uint8Array;
}

export interface EchoStatus {
  readonly code: number;
  readonly message: string;
}

export interface SimpleRequest {
  readonly responseSize: number;
  readonly payload?: Payload;
  readonly responseStatus?: EchoStatus;
}

export interface SimpleResponse {
  readonly payload?: Payload;
}

export interface InputRequest {
  readonly payload?: Payload;
}

export interface OutputRequest {
  readonly responseParameters: readonly { readonly size: number; readonly intervalUs: number }[];
  readonly payload?: Payload;
  readonly responseStatus?: EchoStatus;
}

export interface OutputResponse {
  readonly payload?: Payload;
}
