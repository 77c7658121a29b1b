import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { create, type Message } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type ServerDuplexStream, type ServerWritableStream } from "@grpc/grpc-js";
import { type EchoRequest, type EchoResponse, EchoResponseSchema } from "@parley/gen/echo/v1/echo_service_pb.js";
import { ready } from "../../ready.ts";
import { answer, decodeRequest, encodeAnswer, paths } from "../contract.ts";
import { Watchers } from "../watchers.ts";

type Writing = ServerWritableStream<EchoRequest, Message>;

const watchers = new Watchers<EchoResponse>();

async function repeat(call: Writing): Promise<void> {
  for (let left = Number(call.request.message); left > 0; left--) {
    if (!call.write(create(EchoResponseSchema, { message: answer.message }))) {
      await once(call, "drain");
    }
  }
  call.end();
}

async function watch(call: Writing): Promise<void> {
  while (!call.cancelled) {
    call.write(await watchers.next());
  }
}

async function publish(call: Writing): Promise<void> {
  const [times = 0, watching = 0] = call.request.message.split(" ").map(Number);
  for (let left = times; left > 0; left--) {
    watchers.publish(answer);
    while (watchers.waiting < watching) {
      await nextTurn();
    }
  }
  call.write(answer);
  call.end();
}

function chat(call: ServerDuplexStream<EchoRequest, Message>): void {
  call.on("data", ({ message }: EchoRequest) => call.write(create(EchoResponseSchema, { message })));
  call.on("end", () => call.end());
}

const server = new Server({ "grpc.max_receive_message_length": -1 });
const codec = {
  requestDeserialize: decodeRequest,
  requestSerialize: Buffer.from,
  responseSerialize: encodeAnswer,
  responseDeserialize: String,
  responseStream: true,
};
server.addService(
  {
    repeat: { ...codec, path: paths.repeat, requestStream: false },
    watch: { ...codec, path: paths.watch, requestStream: false },
    publish: { ...codec, path: paths.publish, requestStream: false },
    chat: { ...codec, path: paths.chat, requestStream: true },
  } as never,
  { repeat, watch, publish, chat } as never,
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) {
    throw error;
  }
  ready(port);
});
