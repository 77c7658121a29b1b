// Calls an Eliza service with @grpc/grpc-js, with messages by Protobuf-ES. Prints the response as JSON.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import grpc from "@grpc/grpc-js";
import { ElizaService } from "./gen/eliza/v1/eliza_pb.js";

const [url] = process.argv.slice(2);
const definition = Object.fromEntries(
  ElizaService.methods.map((method) => [
    method.localName,
    {
      path: `/${ElizaService.typeName}/${method.name}`,
      requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
      responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
      requestSerialize: (message) => Buffer.from(toBinary(method.input, create(method.input, message))),
      requestDeserialize: (bytes) => fromBinary(method.input, bytes),
      responseSerialize: (message) => Buffer.from(toBinary(method.output, message)),
      responseDeserialize: (bytes) => fromBinary(method.output, bytes),
    },
  ]),
);
const Client = grpc.makeGenericClientConstructor(definition, ElizaService.typeName);
const client = new Client(new URL(url).host, grpc.credentials.createInsecure());

const said = await new Promise((resolve, reject) =>
  client.say({ sentence: "hello" }, (error, answer) => (error ? reject(error) : resolve(answer.sentence))),
);
const introduced = await sentences(client.introduce({ name: "Ada" }));
const talk = client.converse();
talk.write({ sentence: "one" });
talk.write({ sentence: "two" });
talk.end();
const conversed = await sentences(talk);
client.close();
console.log(JSON.stringify({ said, introduced, conversed }));

async function sentences(stream) {
  const all = [];
  for await (const { sentence } of stream) all.push(sentence);
  return all;
}
