import { type DescFile, type DescService, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "@parley/gen/google/rpc/error_details_pb.js";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema,
} from "@parley/gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "@parley/gen/grpc/reflection/v1alpha/reflection_pb.js";
import { implement, type ServiceEntry } from "../pipeline/service-module.ts";
import { createDescriptorIndex, type DescriptorIndex } from "./descriptor-index.ts";

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;
type Question = Pick<ServerReflectionRequest, "messageRequest">;

/**
 * gRPC server reflection, v1 and v1alpha, for the given services and for itself. It includes the types of error details, so that a
 * client without the contract can show why a call failed. Methods without an implementation are left out.
 */
export function reflectionEntries(served: readonly ServiceEntry[]): ServiceEntry[] {
  const own: readonly DescService[] = [ServerReflection, ServerReflectionAlpha];
  const unimplemented = new Set(
    served.flatMap(({ service, implementation }) =>
      service.methods.filter(({ localName }) => typeof implementation[localName] !== "function"),
    ),
  );
  // Created at the first request, since reflection is rarely used.
  let made: DescriptorIndex | undefined;
  const index = () => {
    made ??= createDescriptorIndex({
      services: [...served.map(({ service }) => service), ...own],
      more: [file_google_rpc_error_details],
      offers: (method) => !unimplemented.has(method),
    });
    return made;
  };
  return [
    implement(ServerReflection, {
      async *serverReflectionInfo(requests) {
        const sent = new Set<string>();
        for await (const request of requests) {
          const messageResponse = answer(request, { index: index(), sent });
          yield { validHost: request.host, originalRequest: request, messageResponse };
        }
      },
    }),
    implement(ServerReflectionAlpha, {
      async *serverReflectionInfo(requests) {
        const sent = new Set<string>();
        for await (const request of requests) {
          const messageResponse = answer(request as unknown as Question, { index: index(), sent }) as never;
          yield { validHost: request.host, originalRequest: request, messageResponse };
        }
      },
    }),
  ];
}

interface Conversation {
  readonly index: DescriptorIndex;
  /** The names of the files that were already sent on this stream. */
  readonly sent: Set<string>;
}

function answer({ messageRequest }: Question, conversation: Conversation): Answer {
  const { index } = conversation;
  switch (messageRequest.case) {
    case "listServices":
      return { case: "listServicesResponse", value: { service: index.serviceNames.map((name) => ({ name })) } };
    case "fileByFilename":
      return fileAnswer(index.file(messageRequest.value), { what: messageRequest.value, conversation });
    case "fileContainingSymbol":
      return fileAnswer(index.fileOfSymbol(messageRequest.value), { what: messageRequest.value, conversation });
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = messageRequest.value;
      const what = `extension ${extensionNumber} of ${containingType}`;
      return fileAnswer(index.fileOfExtension(containingType, extensionNumber), { what, conversation });
    }
    case "allExtensionNumbersOfType": {
      const baseTypeName = messageRequest.value;
      const extensionNumber = index.extensionNumbers(baseTypeName);
      return extensionNumber === undefined
        ? notFound(baseTypeName)
        : { case: "allExtensionNumbersResponse", value: { baseTypeName, extensionNumber } };
    }
    default:
      return errorAnswer(Code.InvalidArgument, "the request has no message_request");
  }
}

/** The file and its transitive imports, without imports that were already sent on this stream. */
function fileAnswer(
  file: DescFile | undefined,
  { what, conversation }: { readonly what: string; readonly conversation: Conversation },
): Answer {
  if (file === undefined) {
    return notFound(what);
  }
  const files: DescFile[] = [];
  collect(file, { files, seen: new Set(), sent: conversation.sent });
  // The requested file itself is sent even if it was sent before.
  const fileDescriptorProto = files.map((each) =>
    toBinary(FileDescriptorProtoSchema, conversation.index.protoOf(each)),
  );
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto: fileDescriptorProto.reverse() } };
}

interface Collection {
  readonly files: DescFile[];
  readonly seen: Set<string>;
  readonly sent: Set<string>;
}

function collect(file: DescFile, collection: Collection): void {
  const { files, seen, sent } = collection;
  seen.add(file.proto.name);
  for (const dependency of file.dependencies) {
    const { name } = dependency.proto;
    if (!seen.has(name) && !sent.has(name)) {
      collect(dependency, collection);
    }
  }
  files.push(file);
  sent.add(file.proto.name);
}

function notFound(what: string): Answer {
  return errorAnswer(Code.NotFound, `not found: ${what.slice(0, nameCharsMax)}`);
}

function errorAnswer(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}

/** The longest part of an unknown name that an error repeats, in characters. */
const nameCharsMax = 200;
