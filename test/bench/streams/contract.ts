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

/** The paths of the methods. */
export const paths = {
  /** Sends a message as many times as the request says: "1000". */
  repeat: `/${typeName}/Repeat`,
  /** Streams the published messages. */
  watch: `/${typeName}/Watch`,
  /** Publishes a message to all watchers as many times as the request says. Responds once all watchers wait for the next one. */
  publish: `/${typeName}/Publish`,
  /** Responds to each message with another one. */
  chat: `/${typeName}/Chat`,
} as const;

/** The message of all streams: 161 bytes. */
export const answer: EchoResponse = create(EchoResponseSchema, { message: "x".repeat(158) });
export const answerBytes: Buffer = Buffer.from(toBinary(EchoResponseSchema, answer));
/** The length of that message with its envelope. */
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

/** The contract of all contenders: server streams and a bidirectional stream, without validation rules. */
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
    throw new Error(`${typeName} could not be created`);
  }
  return service;
}
