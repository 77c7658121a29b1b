import { readFile } from "node:fs/promises";
import {
  createFileRegistry,
  type DescMessage,
  type DescService,
  type FileRegistry,
  fromBinary,
  type Message,
} from "@bufbuild/protobuf";
import { type Any, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/**
 * The conformance suite's own contract. It comes with the runner, not with this repository: it is loaded at run time from the
 * output of `buf build`, and the types below cover only the used parts.
 */
export interface Contract {
  readonly registry: FileRegistry;
  readonly service: DescService;
  message(name: string): DescMessage;
}

/** The variable with the contract's file name for programs under test. Set by `run.ts`. */
export const contractVariable = "PARLEY_CONFORMANCE_CONTRACT";

const packageName = "connectrpc.conformance.v1";

/** Loads the contract from the file in that variable. */
export async function loadContract(): Promise<Contract> {
  const file = process.env[contractVariable];
  if (file === undefined) {
    throw new Error(`${contractVariable} is not set; start this with \`npm run conformance\``);
  }
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, await readFile(file)));
  const service = registry.getService(`${packageName}.ConformanceService`);
  if (service === undefined) {
    throw new Error(`${file} holds no ${packageName}.ConformanceService`);
  }
  return {
    registry,
    service,
    message(name) {
      const message = registry.getMessage(`${packageName}.${name}`);
      if (message === undefined) {
        throw new Error(`${file} holds no ${packageName}.${name}`);
      }
      return message;
    },
  };
}

export type OneOf<Cases> = { [K in keyof Cases]: { case: K; value: Cases[K] } }[keyof Cases] | { case: undefined };

export interface HeaderMessage {
  name: string;
  value: string[];
}

export interface ErrorMessage {
  code: number;
  message?: string;
  details: Any[];
}

export interface UnaryDefinition {
  responseHeaders: HeaderMessage[];
  response: OneOf<{ responseData: Uint8Array; error: ErrorMessage }>;
  responseTrailers: HeaderMessage[];
  responseDelayMs: number;
}

export interface StreamDefinition {
  responseHeaders: HeaderMessage[];
  responseData: Uint8Array[];
  responseDelayMs: number;
  error?: ErrorMessage;
  responseTrailers: HeaderMessage[];
}

export interface UnaryRequest extends Message {
  responseDefinition?: UnaryDefinition;
}

export interface StreamRequest extends Message {
  responseDefinition?: StreamDefinition;
}

export interface BidiRequest extends StreamRequest {
  fullDuplex: boolean;
}

export interface RequestInfo {
  requestHeaders: HeaderMessage[];
  timeoutMs?: bigint;
  requests: Any[];
  connectGetInfo?: { queryParams: HeaderMessage[] };
}

export interface Payload {
  data?: Uint8Array;
  requestInfo?: RequestInfo;
}

export interface Credentials {
  cert: Uint8Array;
  key: Uint8Array;
}

export interface ServerRequest extends Message {
  protocol: number;
  httpVersion: number;
  useTls: boolean;
  clientTlsCert: Uint8Array;
  messageReceiveLimit: number;
  serverCreds?: Credentials;
}

export interface ClientRequest extends Message {
  testName: string;
  httpVersion: number;
  protocol: number;
  codec: number;
  compression: number;
  host: string;
  port: number;
  serverTlsCert: Uint8Array;
  clientTlsCreds?: Credentials;
  messageReceiveLimit: number;
  method: string;
  streamType: number;
  useGetHttpMethod: boolean;
  requestHeaders: HeaderMessage[];
  requestMessages: Any[];
  timeoutMs?: number;
  requestDelayMs: number;
  cancel?: { cancelTiming: OneOf<{ beforeCloseSend: Message; afterCloseSendMs: number; afterNumResponses: number }> };
}

export interface ClientResult {
  responseHeaders: HeaderMessage[];
  payloads: Payload[];
  error?: ErrorMessage;
  responseTrailers: HeaderMessage[];
  numUnsentRequests: number;
}

/** The protocols, codecs and compressions by their enum values in the contract. */
export const protocols = ["", "connect", "grpc", "grpc-web"] as const;
export const codecs = ["", "proto", "json"] as const;
export const compressions = ["", "identity", "gzip"] as const;
