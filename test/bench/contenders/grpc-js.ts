import { Server, ServerCredentials } from "@grpc/grpc-js";
import { decode, echoPath, encode } from "../contract.ts";
import { ready } from "../ready.ts";

const server = new Server({ "grpc.max_receive_message_length": -1 });
server.addService(
  {
    echo: {
      path: echoPath,
      requestStream: false,
      responseStream: false,
      requestDeserialize: decode,
      requestSerialize: Buffer.from,
      responseSerialize: encode,
      responseDeserialize: String,
    },
  },
  {
    echo: (call: { request: { message: string } }, callback: (error: null, message: string) => void) =>
      callback(null, call.request.message),
  },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) {
    throw error;
  }
  ready(port);
});
