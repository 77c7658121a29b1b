import { create, createFileRegistry, type DescService, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import {
  type EchoRequest,
  EchoRequestSchema,
  type EchoResponse,
  EchoResponseSchema,
  file_echo_v1_echo_service,
} from "@parley/gen/echo/v1/echo_service_pb.js";
import { envelopeHeaderBytes } from "./envelope.ts";

const typeName = "bench.v1.StreamService";

/** Where the methods are. */
export const paths = {
  /** Returns a message as many times as it says: "1000". */
  repeat: `/${typeName}/Repeat`,
  /** Returns with what is published. */
  watch: `/${typeName}/Watch`,
  /** Publishes a message to all watchers as many times as it says; answers once all watchers have asked for more. */
  publish: `/${typeName}/Publish`,
  /** Returns each message with another. */
  chat: `/${typeName}/Chat`,
} as const;

/** A message of 161 bytes: what a stream carries here. */
export const answer: EchoResponse = create(EchoResponseSchema, { message: "x".repeat(158) });
export const answerBytes: Buffer = Buffer.from(toBinary(EchoResponseSchema, answer));
/** An answer with its envelope. */
export const answerEnvelopeBytes: number = answerBytes.length + envelopeHeaderBytes;

export function decodeRequest(bytes: Uint8Array): EchoRequest {
  return fromBinary(EchoRequestSchema, bytes);
}

export function encodeRequest(message: string): Buffer {
  return Buffer.from(toBinary(EchoRequestSchema, create(EchoRequestSchema, { message })));
}

export function encodeAnswer(message: Message): Buffer {
  return Buffer.from(toBinary(EchoResponseSchema, message as EchoResponse));
}

/** The contract of all contenders: server streams and a stream both ways, without rules. */
export const StreamService: DescService = streamService();

function streamService(): DescService {
  const types = { inputType: ".echo.v1.EchoRequest", outputType: ".echo.v1.EchoResponse" };
  const file = create(FileDescriptorProtoSchema, {
    name: "bench/v1/stream.proto",
    package: "bench.v1",
    syntax: "proto3",
    dependency: [file_echo_v1_echo_service.proto.name],
    service: [
      {
        name: "StreamService",
        method: [
          { name: "Repeat", ...types, serverStreaming: true },
          { name: "Watch", ...types, serverStreaming: true },
          { name: "Publish", ...types, serverStreaming: true },
          { name: "Chat", ...types, clientStreaming: true, serverStreaming: true },
        ],
      },
    ],
  });
  const registry = createFileRegistry(
    fromBinary(FileDescriptorProtoSchema, toBinary(FileDescriptorProtoSchema, file)),
    () => file_echo_v1_echo_service,
  );
  const service = registry.getService(typeName);
  if (service === undefined) {
    throw new Error(`${typeName} cannot be made`);
  }
  return service;
}
