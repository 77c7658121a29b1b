import { setImmediate as nextTurn } from "node:timers/promises";
import type { EchoRequest, EchoResponse } from "@parley/gen/echo/v1/echo_service_pb.js";
import { EchoResponseSchema } from "@parley/gen/echo/v1/echo_service_pb.js";
import { sharedMessage } from "@parley/rpc/server";
import { answer } from "./contract.ts";
import { Watchers } from "./watchers.ts";

/** A response that is encoded once for all watchers. */
export function sharedAnswer(): EchoResponse {
  return sharedMessage(EchoResponseSchema, { message: answer.message });
}

/** The implementation of the streams, for Parley and for stock Connect. `made` creates the published message. */
export function streamImplementation(made: () => EchoResponse) {
  const watchers = new Watchers<EchoResponse>();
  return {
    async *repeat({ message }: EchoRequest) {
      for (let left = Number(message); left > 0; left--) {
        yield { message: answer.message };
      }
    },
    async *watch() {
      while (true) {
        yield await watchers.next();
      }
    },
    async *publish({ message }: EchoRequest) {
      const [times = 0, watching = 0] = message.split(" ").map(Number);
      for (let left = times; left > 0; left--) {
        watchers.publish(made());
        while (watchers.waiting < watching) {
          await nextTurn();
        }
      }
      yield { message: answer.message };
    },
    async *chat(requests: AsyncIterable<EchoRequest>) {
      for await (const { message } of requests) {
        yield { message };
      }
    },
  };
}
