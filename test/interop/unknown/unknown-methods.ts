import { credentials, makeGenericClientConstructor, type ServiceError, status } from "@grpc/grpc-js";
import { execute, here } from "../programs.ts";

/** Methods that no server and no gateway implements. */
export const unknownMethods = {
  "unknown method": "/user.v1.UserService/NoSuchMethod",
  "unknown service": "/grpc.testing.UnimplementedService/UnimplementedCall",
} as const;

/** Calls an unknown method at host:port, and returns the name of the status, for example "UNIMPLEMENTED". */
export type CallUnknown = (address: string, method: string) => Promise<string>;

export function unknownByGrpcurl(path: string): CallUnknown {
  return async (address, method) => {
    const protos = [
      ...["-import-path", here("unknown"), "-proto", "user_service.proto"],
      ...["-import-path", here("proto"), "-proto", "grpc/testing/test.proto"],
    ];
    const { stderr } = await execute(path, ["-plaintext", "-max-time", "30", ...protos, address, method.slice(1)]);
    return screaming(/Code: (\w+)/.exec(stderr)?.[1] ?? stderr.trim());
  };
}

export function unknownByGrpcGo(path: string): CallUnknown {
  return async (address, method) => {
    const { stdout, stderr } = await execute(path, ["-address", address, "-unknown", method]);
    return screaming(stdout.split(" ")[0] ?? stderr);
  };
}

export function unknownByGrpcio(path: string, contractFile: string): CallUnknown {
  return async (address, method) =>
    (await execute(path, [here("grpcio/client.py"), contractFile, address, "unknown", method])).stdout.trim();
}

/** Calls with grpc-js, as a unary call or as a bidirectional stream. */
export function unknownByGrpcJs(kind: "unary" | "stream"): CallUnknown {
  const Client = makeGenericClientConstructor({}, "unknown");
  const bytes = (message: Buffer) => message;
  return async (address, method) => {
    const client = new Client(address, credentials.createInsecure());
    const error = await new Promise<ServiceError | undefined>((resolve) => {
      if (kind === "unary") {
        client.makeUnaryRequest(method, bytes, bytes, Buffer.alloc(0), (failure) => resolve(failure ?? undefined));
        return;
      }
      const call = client.makeBidiStreamRequest(method, bytes, bytes);
      call.on("error", resolve);
      call.on("data", () => {});
      call.on("end", () => resolve(undefined));
    });
    client.close();
    return error === undefined ? "OK" : `${status[error.code]}`;
  };
}

/** Converts "NotFound" to "NOT_FOUND". */
function screaming(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
