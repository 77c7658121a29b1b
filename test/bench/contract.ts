import {
  create,
  createFileRegistry,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  fromJsonString,
  type Message,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";

/** The echo contract that all contenders serve: with its validation rules and options, or, if bare, without any. */
export function echoService({ bare }: { readonly bare: boolean }): DescService {
  if (!bare) {
    return EchoService;
  }
  const file = create(FileDescriptorProtoSchema, EchoService.file.proto);
  file.dependency = [];
  for (const message of file.messageType) {
    for (const field of message.field) {
      delete field.options;
    }
  }
  for (const service of file.service) {
    for (const method of service.method) {
      delete method.options;
    }
  }
  const service = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] })).getService(
    EchoService.typeName,
  );
  if (service === undefined) {
    throw new Error(`the contract has no service ${EchoService.typeName}`);
  }
  return service;
}

/** The path of Echo. */
export const echoPath = `/${EchoService.typeName}/Echo`;

/** Echo, for contenders without a codec of their own. */
export const echo = EchoService.method.echo satisfies DescMethodUnary;

export function decode(bytes: Uint8Array): Message & { message: string } {
  return fromBinary(echo.input, bytes);
}

export function encode(message: string): Buffer {
  return Buffer.from(toBinary(echo.output, create(echo.output, { message })));
}

export function decodeJson(text: string): { readonly message: string } {
  return fromJsonString(echo.input, text);
}

export function encodeJson(message: string): string {
  return toJsonString(echo.output, create(echo.output, { message }));
}
